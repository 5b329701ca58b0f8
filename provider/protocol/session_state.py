"""The Session State of Session Management 1.0 §3.2, by which an app notices a change at the provider."""

import hashlib

from provider.protocol.uri import MalformedURI, parse_web_uri


def session_state(client_id: str, redirect_uri: str, *, browser_state: str, salt: str) -> str | None:
    """Return the salted hash over the client id, the client's origin and the browser's state at the provider.

    session §3.2: 'based on a salted cryptographic hash of Client ID, origin URL, and OP User Agent
    state'. The salt is appended in plain text, so that the OP iframe can compute the same hash. None for an
    app without an origin, that is, with a private-use scheme: it has no page that could query the iframe.
    """
    try:
        origin = parse_web_uri(redirect_uri).ascii_origin
    except MalformedURI:
        return None
    hashed = hashlib.sha256(f"{client_id} {origin} {browser_state} {salt}".encode())
    return f"{hashed.hexdigest()}.{salt}"
