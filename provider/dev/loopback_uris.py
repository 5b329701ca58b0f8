"""Clients that accept any address on loopback: an address is registered when a request first names it.

The provider still matches redirect URIs exactly, and a test's client that registers its own addresses has
only those.
"""

import base64
import binascii
import json

from flask import request

from provider.administration import clients
from provider.clients import queries
from provider.infrastructure.database import transaction
from provider.protocol.client_metadata import ClientMetadata
from provider.protocol.client_registration import read_registration
from provider.protocol.uri import MalformedURI, parse_web_uri

# A client with this redirect URI accepts any address on loopback.
ANY_LOOPBACK = "http://localhost/any-address-on-loopback"
_MOST = 50
_TARGETS = {
    "endpoints.authorize": ("redirect_uris", "redirect_uri"),
    "endpoints.pushed_authorization_request": ("redirect_uris", "redirect_uri"),
    "endpoints.end_session": ("post_logout_redirect_uris", "post_logout_redirect_uri"),
}


def register_asked_one() -> None:
    """Register the loopback address that this request names, if its client accepts any."""
    field, parameter = _TARGETS.get(request.endpoint or "", ("", ""))
    asked = request.values.get(parameter, "") if parameter else ""
    if not _is_on_loopback(asked):
        return
    client = queries.find_by_client_id(_client_id())
    if client is None or not is_lacking(client.metadata_, field, asked):
        return
    with transaction():
        known = queries.lock(client.client_id)
        if is_lacking(known.metadata_, field, asked):
            registered = (*getattr(known.metadata_, field)[-_MOST:], asked)
            kept = list(dict.fromkeys((ANY_LOOPBACK, *registered)))
            changed = read_registration(known.registered | {field: kept}, may_be_unwise=lambda _uri: True)
            clients.update(known, changed)


def takes_any(metadata: ClientMetadata) -> bool:
    """Return whether a client accepts any address on loopback."""
    return ANY_LOOPBACK in metadata.redirect_uris


def is_lacking(metadata: ClientMetadata, field: str, uri: str) -> bool:
    """Return whether a client accepts any address on loopback but has not registered this one yet."""
    return takes_any(metadata) and uri not in getattr(metadata, field)


def _is_on_loopback(uri: str) -> bool:
    try:
        return parse_web_uri(uri).is_loopback
    except MalformedURI:
        return False


def _client_id() -> str:
    """Return the client_id of this request; if a sign-out names none, that of its ID Token.

    The name is not proven and need not be: the endpoint checks the request afterwards.
    """
    named = request.values.get("client_id", "")
    if named or request.authorization is None:
        return named or _audience(request.values.get("id_token_hint", ""))
    return request.authorization.get("username") or ""


def _audience(token: str) -> str:
    payload = token.split(".")[1] if token.count(".") == 2 else ""
    try:
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (binascii.Error, ValueError):
        return ""
    audience = claims.get("aud") if isinstance(claims, dict) else None
    return audience if isinstance(audience, str) else ""
