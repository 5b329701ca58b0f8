"""The Session State of Session Management 1.0 §3.2, by which an app notices a change at the provider."""

import hashlib

from provider.protocol.uri import MalformedURI, parse_web_uri


def session_state(client_id: str, redirect_uri: str, *, browser_state: str, salt: str) -> str | None:
    """Return the salted hash over client, its origin and the browser's state at the provider.

    session §3.2: 'based on a salted cryptographic hash of Client ID, origin URL, and OP User Agent
    state'. The salt follows in plain, so that the OP iframe can compute the same. None for an app
    without an origin, that is, behind a private-use scheme: no page of it could ever ask the iframe.
    """
    try:
        origin = parse_web_uri(redirect_uri).ascii_origin
    except MalformedURI:
        return None
    hashed = hashlib.sha256(f"{client_id} {origin} {browser_state} {salt}".encode())
    return f"{hashed.hexdigest()}.{salt}"
