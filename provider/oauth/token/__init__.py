"""The token, introspection and revocation endpoints; a file for each grant type (rfc6749, rfc7662, rfc7009).

Decides the audience of tokens and their key binding. Issuing and liveness belong to `provider.tokens`.
"""
