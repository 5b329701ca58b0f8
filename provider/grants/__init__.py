"""Grants: access that an account allowed a client. Everything issued on a grant ends with it.

Knows accounts and clients, not sessions: whether the end of a session revokes the grant depends on its
`offline` mark and is decided in `provider.logout`.
"""
