"""The protocol of codes and tokens, between the endpoints and the rooms below. Only this room uses Authlib.

Authlib authenticates clients, dispatches grants, checks PKCE and reads token requests; where it is too
lenient, an override names the rule that is stricter. `provider.tokens` issues codes and tokens and decides
whether they are valid. Knows no HTTP framework: requests arrive as frozen values, and responses leave as
such.

Four folders, each importing only what stands to its right:
`authorization` → `token` | `registration` → `client_proof`.
"""
