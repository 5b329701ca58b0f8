"""The people who sign in: their names, claims and passwords.

Knows nothing of sessions, grants or clients; disabling an account here ends nothing by itself –
its epoch makes what was issued dead, and `provider.logout` tells the story.
"""
