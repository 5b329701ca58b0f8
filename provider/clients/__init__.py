"""The registered relying parties, with their OpenID and RFC 7591 metadata under the names of the wire.

Knows nothing of sessions or grants. Which client takes part in what is decided above.
"""
