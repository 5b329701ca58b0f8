"""Grants: access that an account allowed a client. Everything issued on a grant ends with it.

Knows accounts and clients, not sessions: whether a session's end takes the grant with it is
decided by its `offline` mark, in `provider.logout`.
"""
