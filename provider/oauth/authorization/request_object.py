"""Request Objects (rfc9101, core §6): the parameters of a request as a JWT that the client has signed.

Only objects signed with a key that the client registered are accepted; a key inside the object is never used.
Authlib's implementation fetches any `request_uri` and accepts unsigned objects (ABU-13).
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

from joserfc.jwk import Key

from provider.clients.fetch_slots import registrant_of
from provider.clients.models import Client
from provider.infrastructure import clock, current, event_log
from provider.infrastructure.database import connection_released
from provider.infrastructure.outbound_http import OutboundFailure
from provider.oauth.authorization.parameters import KNOWN_PARAMETERS
from provider.oauth.client_proof.documents import slot_for
from provider.oauth.client_proof.keys import NoKeys, fetch_keys_for, keys_of
from provider.oauth.client_proof.registered_client import find_active
from provider.protocol.client_metadata import ClientMetadata
from provider.protocol.client_metadata_rules import ASSERTION_SIGNATURES, allowed_signatures
from provider.protocol.errors import (
    InvalidRequest,
    InvalidRequestObject,
    InvalidRequestURI,
    RequestNotSupported,
    RequestURINotSupported,
    UnknownClient,
)
from provider.protocol.request_object import TYPES, MalformedRequestObject, check_claims, parameters_of
from provider.protocol.signed_token import (
    MalformedToken,
    Unverifiable,
    UnverifiedToken,
    read_token,
    verify,
)

ALGORITHMS = ASSERTION_SIGNATURES
# THR-41: a large token costs much to parse, so its size is looked at first.
LARGEST = 16 * 1024
# core §6.2: 'The entire Request URI MUST NOT exceed 512 ASCII characters.'
_LONGEST_URI = 512
_DEADLINE = timedelta(seconds=3)


def has_object(sent: Mapping[str, str]) -> bool:
    """Return whether a request comes as an object, by value or by reference."""
    return "request" in sent or "request_uri" in sent


def check_signed(sent: Mapping[str, str], metadata: ClientMetadata) -> None:
    """Refuse a request that is no object where the client has promised to sign them all (rfc9101 §10.5)."""
    if metadata.require_signed_request_object and not has_object(sent):
        raise InvalidRequest("the client's requests must be signed request objects")


def unpacked(sent: Mapping[str, str]) -> dict[str, str]:
    """Return the parameters that count: only those of the object (rfc9101 §6.3).

    The caller has no transaction open, for the object or its keys may have to be fetched.
    """
    refuse_if_off(sent)
    client_id = sent.get("client_id", "")
    client = find_active(client_id)
    if client is None:
        raise UnknownClient("no client is registered with this client_id")
    text = sent["request"] if "request" in sent else _fetched(sent["request_uri"], client.client)
    fetch_keys(text)
    return read(text, client.metadata, client_id=client_id, beside=sent)


def fetch_keys(text: str) -> None:
    """Fetch the published keys of the client that an object names, if we lack the key that signed it."""
    try:
        token = read_token(text, largest=LARGEST)
    except MalformedToken:
        return
    fetch_keys_for(token.claims.get("client_id"), token.kid)


def refuse_if_off(sent: Mapping[str, str]) -> None:
    """Refuse what the settings do not offer (core §3.1.2.6), and two objects at once (core §6.1)."""
    if not current.settings().request_objects:
        if "request" in sent:
            raise RequestNotSupported("request objects are not supported")
        raise RequestURINotSupported("request objects are not supported")
    if "request" in sent and "request_uri" in sent:
        raise InvalidRequest("request and request_uri exclude each other")


def read(text: str, metadata: ClientMetadata, *, client_id: str, beside: Mapping[str, str]) -> dict[str, str]:
    """Verify an object and return its parameters. Raises InvalidRequestObject."""
    claims = _verified(text, metadata)
    try:
        check_claims(
            claims,
            client_id=client_id,
            issuer=current.settings().issuer,
            now=clock.now(),
            bounded=metadata.require_signed_request_object,
        )
        parameters = parameters_of(claims, KNOWN_PARAMETERS)
    except MalformedRequestObject as exc:
        raise InvalidRequestObject(f"the request object cannot be used: {exc}") from exc
    # core §6.1 requires it next to the object as well, with the same value; rfc9101 §5 no longer does.
    said = beside.get("response_type")
    if said is not None and said.split() != parameters.get("response_type", "").split():
        raise InvalidRequestObject("response_type does not match the request object")
    return parameters


def _verified(text: str, metadata: ClientMetadata) -> dict[str, Any]:
    try:
        return _signed_claims(read_token(text, largest=LARGEST), metadata)
    except (MalformedToken, Unverifiable, NoKeys) as exc:
        raise InvalidRequestObject(
            "the request object's signing algorithm does not match the client's registration",
            detail=f"{type(exc).__name__}: {exc}",
        ) from exc


def _signed_claims(token: UnverifiedToken, metadata: ClientMetadata) -> dict[str, Any]:
    # ABU-37: `none` is not among them; ABU-38: neither is anything made with a secret.
    algorithms = allowed_signatures(metadata, metadata.request_object_signing_alg)
    if token.typ not in TYPES:
        raise MalformedToken("the JWT header is not that of a request object")
    for key in _candidates(token.kid, metadata):
        with suppress(Unverifiable):
            return verify(token, key, algorithms=algorithms)
    raise Unverifiable("no key of the client verifies the request object")


def _candidates(kid: str | None, metadata: ClientMetadata) -> Iterator[Key]:
    """Yield the client's keys that may have signed an object: the one it names, or else all of them."""
    yield from (key for key in keys_of(metadata) if kid in (None, key.kid))


def _fetched(request_uri: str, client: Client) -> str:
    """Fetch an object from an address that the client registered; no other is ever called (ABU-13)."""
    if len(request_uri) > _LONGEST_URI or not request_uri.isascii():
        raise InvalidRequestURI(f"a request_uri has at most {_LONGEST_URI} ASCII characters")
    # core §6.2: the fragment only distinguishes contents of the file.
    address = request_uri.partition("#")[0]
    if address not in [uri.partition("#")[0] for uri in client.metadata_.request_uris]:
        raise InvalidRequestURI("the request_uri is not registered for this app")
    try:
        with connection_released(), slot_for(address, registrant_of(client)):
            response = current.services().outbound.get(
                address, max_body_bytes=LARGEST, total_deadline=_DEADLINE
            )
    except OutboundFailure as exc:
        event_log.warning("request_object_not_fetched", request_uri=address, kind=exc.kind)
        raise InvalidRequestURI("the request_uri could not be fetched", detail=str(exc.detail)) from exc
    if response.status != 200:
        raise InvalidRequestURI("the request_uri could not be fetched", detail=f"status {response.status}")
    try:
        return response.body.decode("ascii").strip()
    except UnicodeDecodeError as exc:
        raise InvalidRequestObject("the request object is not a JWT") from exc
