"""Compares Curfew with another OpenID Provider through OpenID Connect alone: `make bench`, `make bench-full`.

`subjects` starts the providers, `relying_party` speaks to them, `operations` are what is measured, `rounds`
measures them in turn, `report` writes the table. Nothing here knows how a provider works inside; what each
needs before its start (the same clients, person and lifetimes) is in `subjects` and `benchmarks/peer`.
"""
