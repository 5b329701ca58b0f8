"""Find the client of a request and verify its proof: secret, assertion, certificate, key (rfc6749 §2.3).

Also what is encrypted to a client's key, and what a refusal leaves behind for the operator. Knows no grant,
token or authorization request.
"""
