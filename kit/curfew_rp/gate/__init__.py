"""Sign-in for software without OpenID Connect: a proxy queries the gate before it passes a request on.

Answers nginx (`auth_request`), Traefik and Caddy (forward-auth) and Envoy (`ext_authz`), keeps sessions in
Redis or a database, and receives Logout Tokens, so that the next request after a sign-out is rejected. It
does not forward requests itself. `docs/connect/gate.md` says how to use it.
"""
