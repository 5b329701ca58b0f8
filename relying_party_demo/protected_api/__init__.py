"""A protected API: admits calls by their access token, and shows which, and how stale its knowledge may be.

A small bank, built on the kit's guard (`curfew_rp.resource_server`). It is an independent program like the
apps: it imports nothing from `provider`. Started twice, under two names, it is also a service that calls
another service for a person, by token exchange (rfc8693), and is refused as soon as the person has signed
out.
"""
