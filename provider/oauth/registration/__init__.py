"""Dynamic client registration and its management (rfc7591, rfc7592, OpenID Connect Registration 1.0).

Also what a self-registered client may not have. Clients that an operator registers do not pass through here.
"""
