"""Django: the receiver of Logout Tokens, and a middleware that rejects sessions that have ended.

People are signed in by mozilla-django-oidc or django-allauth; this app learns the `sid` of a session from
their signals. It needs `CURFEW_RP` in the settings, its middleware after Django's own, and its URLs.
"""
