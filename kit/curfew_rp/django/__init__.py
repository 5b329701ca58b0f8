"""Django: the receiver of Logout Tokens, and a middleware that refuses sessions that have ended.

People are signed in by mozilla-django-oidc or django-allauth; this app learns from their signals which `sid`
a session has. It needs `CURFEW_RP` in the settings, the middleware after Django's own, and the URLs.
"""
