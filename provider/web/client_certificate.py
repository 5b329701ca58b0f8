"""The certificate of a client's TLS connection, as a proxy passes it on (rfc8705 §2, rfc9440).

TLS ends at the proxy. The header is ignored without the setting, and on a request that did not come
through the trusted proxies.
"""

from flask import Request

from provider.infrastructure import current
from provider.protocol.client_certificate import ClientCertificate, MalformedCertificate, read_certificate
from provider.protocol.errors import InvalidRequest
from provider.web.addresses import came_through_proxies

# The values by which nginx and HAProxy report a certificate from an authority that they trust.
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
    """Return a header's only value. Raises InvalidRequest for two: the proxy wrote only one of them."""
    values = request.headers.getlist(header)
    if len(values) > 1 or any("," in value for value in values):
        raise InvalidRequest("the client certificate was sent twice")
    return values[0].strip() if values else ""
