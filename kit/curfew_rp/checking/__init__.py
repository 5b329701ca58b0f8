"""Tries any app that receives Logout Tokens, in whatever language, with good tokens and bad ones.

It acts as the provider: configure the app with its issuer, and the app fetches its keys. With the address of
a receiver alone all tokens name a session that does not exist; with those of a sign-in and of a page, people
sign in and must be signed out. A running Curfew tries receivers by `curfew doctor`.
"""
