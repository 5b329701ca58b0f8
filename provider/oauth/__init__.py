"""Authlib's seat: the protocol of codes and tokens, between the endpoints and the rooms below.

Authlib proves clients, dispatches grants, checks PKCE and reads token requests; where it is too lenient
an override says which rule made us. What is issued, and whether it lives, is decided in
`provider.tokens`. Knows nothing of HTTP frameworks: requests come in as frozen values, answers go out so.
"""
