"""What an account allowed a client. Everything issued hangs on a grant and dies with it.

Knows accounts and clients, not sessions: whether a session's end takes the grant with it is
decided by its `offline` mark, in `provider.logout`.
"""
