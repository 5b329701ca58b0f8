"""The Authentication Context Class References: how strongly a person has been authenticated (core §2)."""

# SAML's name for a password sent over TLS; other providers use it and apps know it.
PASSWORD_ACR = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"  # noqa: S105 – no password.
ACR_VALUES = (PASSWORD_ACR,)
