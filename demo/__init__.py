"""The demo: a provider, a worker, a broker, three apps, three APIs and two phones, and a check.

It depends on the provider, not the other way round: `curfew demo` and `curfew demo-check` run from a
checkout, and a server does not install them. The package starts, watches and stops processes. The check
(`check.py` and the modules it uses) is independent of the provider: it uses HTTP and imports nothing from it.
"""
