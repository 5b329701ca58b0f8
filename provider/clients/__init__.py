"""The registered relying parties, with their OpenID and RFC 7591 metadata under its wire names.

Knows nothing of sessions or grants. Rooms above decide which client takes part in a session or grant.
"""
