"""Errors for a polling device at the token endpoint (rfc8628 §3.5)."""

from provider.protocol.errors import AccessDenied, ProtocolError


class DeviceDenied(AccessDenied):
    """rfc8628 §3.5: the person refused; at the token endpoint every refusal is a 400 (rfc6749 §5.2)."""

    status_code = 400


class AuthorizationPending(ProtocolError):
    """rfc8628 §3.5: the authorization request is still pending."""

    error = "authorization_pending"


class SlowDown(ProtocolError):
    """rfc8628 §3.5: the authorization request is still pending, and the device polls too often."""

    error = "slow_down"


class ExpiredToken(ProtocolError):
    """rfc8628 §3.5: the device code has expired."""

    error = "expired_token"
