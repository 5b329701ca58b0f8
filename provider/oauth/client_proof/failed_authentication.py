"""Why a client's authentication failed. The client itself only learns that it did."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from authlib.oauth2.rfc6749 import OAuth2Request

from provider.clients.queries import find_by_client_id
from provider.oauth.client_proof.authentication import ASSERTION, BASIC, NONE, POST
from provider.oauth.client_proof.keys import LARGEST_ASSERTION
from provider.oauth.client_proof.refusals import refusal_of_unknown
from provider.protocol.client_certificate_rules import TLS_CLIENT_AUTH, TLS_METHODS
from provider.protocol.refusal import Cause, Refusal, printable
from provider.protocol.signed_token import MalformedToken, read_token

_SCHEMES = frozenset({"bearer", "dpop", "digest", "negotiate"})
_WRONG = {BASIC: Cause.SECRET, POST: Cause.SECRET, ASSERTION: Cause.ASSERTION}


def diagnose(request: OAuth2Request, allowed: Collection[str]) -> Refusal:
    """Return why a request proved no client; `allowed` are the methods that its endpoint takes."""
    used, client_id = _attempt(request)
    refusal = refusal_of_unknown(client_id, Cause.UNKNOWN, used=used)
    client = find_by_client_id(client_id) if client_id else None
    if client is None:
        return refusal
    registered = client.auth_methods
    if used == TLS_CLIENT_AUTH:
        # A certificate does not say in which of the two ways it is meant.
        used = next((method for method in registered if method in TLS_METHODS), used)
    if not client.is_active:
        cause = Cause.DISABLED
    elif used not in registered:
        cause = Cause.METHOD
    elif used not in allowed:
        cause = Cause.ENDPOINT
    else:
        cause = _WRONG.get(used, Cause.CERTIFICATE)
    facts = {"used": printable(used), "registered": ", ".join(registered)}
    return replace(refusal, client_id=client.client_id, is_known=True, cause=cause, facts=facts)


def _attempt(request: OAuth2Request) -> tuple[str, str]:
    """Return the method that a request used, and the client id that came with it, or an empty text."""
    form: dict[str, Any] = request.form
    named = form.get("client_id", "")
    if "Authorization" in request.headers:
        scheme = request.headers["Authorization"].partition(" ")[0].lower()
        # A header without a scheme may be the secret itself.
        known = scheme if scheme in _SCHEMES else "unknown"
        used = BASIC if scheme == "basic" else f"an Authorization header of the scheme {known}"
        return used, request.basic[0] if request.basic else named
    if "client_assertion" in form:
        return ASSERTION, _issuer_of(form["client_assertion"]) or named
    if "client_secret" in form:
        return POST, named
    return (TLS_CLIENT_AUTH if request.asked.certificate else NONE), named


def _issuer_of(assertion: str) -> str:
    try:
        issuer = read_token(assertion, largest=LARGEST_ASSERTION).claims.get("iss")
    except MalformedToken:
        return ""
    return issuer if isinstance(issuer, str) else ""
