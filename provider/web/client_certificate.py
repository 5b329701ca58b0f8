"""The certificate with which a client opened its TLS connection, as our proxy tells it (rfc8705 §2, rfc9440).

TLS ends at the proxy. A header is as good as whoever wrote it: without the setting, or on a request that
did not come through the trusted proxies, it means nothing.
"""

from flask import Request

from provider.infrastructure import current
from provider.protocol.client_certificate import ClientCertificate, MalformedCertificate, read_certificate
from provider.protocol.errors import InvalidRequest
from provider.web.addresses import came_through_proxies

# What nginx and HAProxy say of a certificate that leads to an authority of theirs.
_VERIFIED = frozenset({"SUCCESS", "0"})


def client_certificate(request: Request) -> ClientCertificate | None:
    """Return the client's certificate, or None without one. Raises InvalidRequest for an unreadable one."""
    settings = current.settings()
    if not settings.client_certificate_header or not came_through_proxies():
        return None
    value = _single(request, settings.client_certificate_header)
    if not value:
        return None
    verified = settings.client_certificate_verified_header
    try:
        return read_certificate(value, is_verified=bool(verified) and _single(request, verified) in _VERIFIED)
    except MalformedCertificate as exc:
        raise InvalidRequest("the client certificate cannot be read", detail=str(exc)) from exc


def _single(request: Request, header: str) -> str:
    """Return a header's only value; two of them mean that somebody besides the proxy wrote one."""
    values = request.headers.getlist(header)
    if len(values) > 1 or any("," in value for value in values):
        raise InvalidRequest("the client certificate was sent twice")
    return values[0].strip() if values else ""
