"""A protected API: lets calls in by their access token, and shows which, and how stale its view may be.

A small bank on the kit's guard (`curfew_rp.resource_server`). It is an outsider like the apps: it imports
nothing of `provider`. Started twice, under two names, it is also a service that calls another service for a
person, by token exchange (rfc8693), and is refused as soon as the person has signed out.
"""
