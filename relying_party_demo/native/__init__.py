"""A native app: a command-line program that signs a person in and out as an app on a phone does (rfc8252).

It is an independent program like the three web apps: it imports nothing from `provider` and uses HTTP only.
It keeps its tokens in the operating system's keyring, works without a network where that is possible, and
defines for everything it stores what "signed out" means (`purge.py`). It has no back channel: it learns of a
sign-out elsewhere from its next request. It runs on POSIX systems, whose file locks it uses.
"""
