"""The people who sign in: their names, claims and passwords.

Knows nothing of sessions, grants or clients; disabling an account here does not end its sessions. The epoch
revokes everything issued; `provider.logout` ends the sessions and notifies the apps.
"""
