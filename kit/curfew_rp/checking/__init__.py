"""Tests any app that receives Logout Tokens, in whatever language, with valid and invalid tokens.

It acts as the provider: configure the app with its issuer, and the app fetches its keys. If only the URL of
the receiver is given, all tokens name a session that does not exist; if those of a sign-in and of a page are
given as well, people sign in and must be signed out. A running Curfew tests receivers with `curfew doctor`.
"""
