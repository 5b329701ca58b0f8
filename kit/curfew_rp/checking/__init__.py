"""Tries any receiver of Logout Tokens, in whatever language, with one good token and thirteen bad ones.

It acts as the provider: configure the receiver with its issuer, and the receiver fetches its keys. All
tokens name a session that does not exist, so that nothing ends. A running Curfew does the same by
`curfew doctor`.
"""
