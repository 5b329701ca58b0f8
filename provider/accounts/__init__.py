"""The people who sign in: their names, claims and passwords.

Knows nothing of sessions, grants or clients; disabling an account here ends no
session by itself: its epoch revokes what was issued, and `provider.logout` ends and notifies.
"""
