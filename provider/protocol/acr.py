"""The Authentication Context Class References: how surely a person has proven who they are (core §2)."""

# SAML's name for a password typed over TLS, which other providers use and apps know.
PASSWORD_ACR = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"  # noqa: S105 – no password.
ACR_VALUES = (PASSWORD_ACR,)
