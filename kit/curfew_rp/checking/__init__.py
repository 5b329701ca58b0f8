"""Tries any receiver of Logout Tokens, in whatever language, with one good token and thirteen bad ones.

It is the provider itself for that: the receiver is told its issuer, and fetches its keys. All tokens name a
session that never was, so that nothing ends. For a running Curfew, `curfew doctor` does the like.
"""
