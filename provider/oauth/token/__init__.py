"""The token, introspection and revocation endpoints; a file for each grant type (rfc6749, rfc7662, rfc7009).

Says for whom tokens are meant and what they are bound to. Issuing and liveness belong to `provider.tokens`.
"""
