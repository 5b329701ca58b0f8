"""Authenticate a client by Authlib's methods, with stricter rules where we need them."""

import base64
import binascii
from collections.abc import Callable
from urllib.parse import unquote_plus

from authlib.oauth2.rfc6749 import InvalidClientError, InvalidRequestError, OAuth2Request

from provider.clients.queries import may_be_stored
from provider.infrastructure import current
from provider.oauth.client_proof.registered_client import RegisteredClient, as_active
from provider.protocol.client_certificate_rules import SELF_SIGNED_TLS_CLIENT_AUTH, TLS_CLIENT_AUTH

# A method's name, as registered (registration §2).
BASIC, POST, ASSERTION, NONE = "client_secret_basic", "client_secret_post", "private_key_jwt", "none"
# The methods of clients that can keep a secret, and those of all clients.
CONFIDENTIAL_METHODS = (BASIC, POST, ASSERTION, TLS_CLIENT_AUTH, SELF_SIGNED_TLS_CLIENT_AUTH)
ALL_METHODS = (*CONFIDENTIAL_METHODS, NONE)

QueryClient = Callable[[str], RegisteredClient | None]


def offered(methods: tuple[str, ...] = ALL_METHODS) -> list[str]:
    """Return those methods that can work: certificates are known only from a proxy that is trusted."""
    settings = current.settings()
    needed = {
        TLS_CLIENT_AUTH: settings.client_certificate_verified_header,
        SELF_SIGNED_TLS_CLIENT_AUTH: settings.client_certificate_header,
    }
    return [method for method in methods if needed.get(method, True)]


def refuse_two_proofs(request: OAuth2Request) -> None:
    """rfc6749 §2.3: 'The client MUST NOT use more than one authentication method in each request.'

    Authlib takes the first that fits.
    """
    form = request.form
    proofs = ("Authorization" in request.headers, "client_secret" in form, "client_assertion" in form)
    if sum(proofs) > 1:
        raise InvalidRequestError("more than one kind of client authentication was used")


def by_basic(query_client: QueryClient, request: OAuth2Request) -> RegisteredClient | None:
    """Prove a client by HTTP Basic.

    Authlib's own answers garbage with a server error and reads `+` literally; rfc6749 §2.3.1 has
    identifier and secret encoded as in a form. Clients that forget to encode are understood too.
    """
    if request.basic is None:
        return None
    client_id, secret = request.basic
    if request.form.get("client_id", client_id) != client_id:
        raise InvalidRequestError("client_id and the Authorization header name different clients")
    client = named_client(client_id, query_client, request) if secret else None
    if client is None:
        return None
    return client if any(map(client.check_client_secret, {_decoded(secret), secret})) else None


def claimed_client_id(request: OAuth2Request) -> str | None:
    """Return the unproven client_id that a request names, if it is fit for a database query."""
    client_id = request.basic[0] if request.basic else request.form.get("client_id")
    return client_id if client_id and may_be_stored(client_id) else None


def named_client(
    client_id: str, query_client: QueryClient, request: OAuth2Request
) -> RegisteredClient | None:
    """Return the client that may act under this client_id, which may have been read already."""
    if request.client_read is None or request.client_read.client_id != client_id:
        return query_client(client_id)
    return as_active(request.client_read)


def basic_credentials(authorization: str) -> tuple[str, str] | None:
    """Return the client id, decoded, and the secret, as it came, of HTTP Basic; None without any."""
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        decoded = base64.b64decode(credentials.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    client_id, _, secret = decoded.partition(":")
    return _decoded(client_id), secret


def _decoded(text: str) -> str:
    # In most there is nothing to decode.
    return unquote_plus(text) if "%" in text or "+" in text else text


def by_nothing(query_client: QueryClient, request: OAuth2Request) -> RegisteredClient | None:
    """Identify a public client, which has no credentials and must not present any."""
    client_id = request.form.get("client_id")
    if not client_id or "Authorization" in request.headers:
        return None
    if {"client_secret", "client_assertion"} & set(request.form):
        return None
    return named_client(client_id, query_client, request)


def fail() -> InvalidClientError:
    """Return the one error for every failed proof, which does not reveal which part was wrong."""
    return InvalidClientError("client authentication failed", status_code=401)
