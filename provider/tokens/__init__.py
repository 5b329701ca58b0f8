"""Codes, access tokens, refresh tokens and ID Tokens, which are issued on a grant.

Opaque ones are stored as digests. Whether one is valid is derived by one query over every level of
revocation (design §4), never swept. Knows sessions and grants; nothing of HTTP.
"""
