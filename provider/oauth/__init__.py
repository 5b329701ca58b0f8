"""The protocol of codes and tokens, between the endpoints and the rooms below. Authlib lives here alone.

Authlib authenticates clients, dispatches grants, checks PKCE and reads token requests; where it is too
lenient, an override names the rule that is stricter. What is issued, and whether it lives, is decided in
`provider.tokens`. Knows no HTTP framework: requests come in as frozen values, and answers leave as such.

Four folders, each importing only what stands to its right:
`authorization` → `token` | `registration` → `client_proof`.
"""
