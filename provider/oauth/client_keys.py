"""The public keys of clients that sign: registered as they are, or published at an address of theirs.

Fetching happens before any transaction is open, from registered addresses alone and through the guarded
door; when it fails nobody is let in, and a stranger who invents kids makes us look but seldom (DEC-17).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import Lock

from joserfc.jwk import KeySet

from provider.clients.models import Client
from provider.infrastructure import clock, current, event_log
from provider.infrastructure.database import end_read
from provider.infrastructure.outbound_http import OutboundFailure
from provider.oauth.registered_client import find_active
from provider.oauth.strangers_hosts import seat_for
from provider.protocol import strict_json
from provider.protocol.client_certificate import ClientCertificate
from provider.protocol.client_certificate_rules import SELF_SIGNED_TLS_CLIENT_AUTH
from provider.protocol.client_metadata import ClientMetadata
from provider.protocol.jwks_rules import certificate_thumbprints, usable_keys
from provider.protocol.signed_token import LIBRARY_FAILURES, MalformedToken, read_token

LARGEST_ASSERTION = 8 * 1024
_LARGEST_JWKS = 64 * 1024
_DEADLINE = timedelta(seconds=3)
_FRESH_FOR = timedelta(minutes=5)
_LOOK_AGAIN_AFTER = timedelta(seconds=30)
# Where strangers may register clients, they decide how many addresses there are.
_MOST_REMEMBERED = 1000


class NoKeys(Exception):
    """There is no key to verify this client's signatures with."""


@dataclass(frozen=True, slots=True)
class _Fetched:
    keys: KeySet | None
    certificates: frozenset[str]
    at: datetime
    # When something unknown last made us look before it was time.
    looked_again_at: datetime | None = None


_Knows = Callable[[_Fetched], bool]


def keys_of(metadata: ClientMetadata) -> KeySet:
    """Return a client's keys. Raises NoKeys; nothing is fetched here."""
    if metadata.jwks_uri:
        fetched = _fresh(metadata.jwks_uri)
        if fetched is None or fetched.keys is None:
            raise NoKeys
        return fetched.keys
    try:
        return KeySet.import_key_set({"keys": (metadata.jwks or {}).get("keys", [])})
    except LIBRARY_FAILURES as exc:
        raise NoKeys from exc


def certificates_of(metadata: ClientMetadata) -> frozenset[str]:
    """Return the x5t#S256 of each certificate in a client's keys; nothing is fetched here."""
    if metadata.jwks_uri:
        fetched = _fresh(metadata.jwks_uri)
        return fetched.certificates if fetched else frozenset()
    return certificate_thumbprints((metadata.jwks or {}).get("keys", []))


def fetch_if_needed(parameters: Mapping[str, str], certificate: ClientCertificate | None = None) -> None:
    """Fetch the keys of the client that a proof names, where it publishes them and we lack the one."""
    assertion = parameters.get("client_assertion", "")
    if assertion:
        client_id, kid = _names_in(assertion)
        fetch_keys_for(client_id, kid)
    elif certificate and "client_id" in parameters:
        client = find_active(parameters["client_id"])
        end_read()
        if client and client.metadata.token_endpoint_auth_method == SELF_SIGNED_TLS_CLIENT_AUTH:
            _look(client.client, lambda fetched: certificate.thumbprint in fetched.certificates)


def fetch_keys_for(client_id: object, kid: object) -> None:
    """Fetch a client's keys where it publishes them and we lack the one that a token of its names."""
    client = find_active(client_id)
    end_read()
    if client:
        _look(client.client, lambda fetched: _has(fetched.keys, kid))


def _names_in(assertion: str) -> tuple[object, object]:
    """Return the client and the key that an unverified assertion names."""
    try:
        token = read_token(assertion, largest=LARGEST_ASSERTION)
    except MalformedToken:
        return None, None
    return token.claims.get("sub"), token.kid


def _has(keys: KeySet | None, kid: object) -> bool:
    return keys is not None and (kid is None or any(key.kid == kid for key in keys))


def _look(client: Client, knows: _Knows) -> None:
    """Fetch what a client publishes if that may help; of many who want it at once one goes."""
    uri = client.metadata_.jwks_uri
    if not uri or not _is_worth_a_look(uri, knows):
        return
    with seat_for(client), _lock(uri):
        if _is_worth_a_look(uri, knows):
            remembered = _cache()
            if len(remembered) >= _MOST_REMEMBERED:
                remembered.clear()
            known = _fresh(uri)
            remembered[uri] = replace(_fetch(uri), looked_again_at=clock.now() if known else None)


def _is_worth_a_look(uri: str, knows: _Knows) -> bool:
    """core §10.1.1: a key that is not known may be new; those that are invented cost one look in a while."""
    fetched = _fresh(uri)
    if fetched is None:
        return True
    again = fetched.looked_again_at
    return not knows(fetched) and (again is None or clock.now() - again > _LOOK_AGAIN_AFTER)


def _fresh(uri: str) -> _Fetched | None:
    fetched = _cache().get(uri)
    return fetched if fetched and clock.now() - fetched.at <= _FRESH_FOR else None


def _fetch(uri: str) -> _Fetched:
    try:
        answer = current.house().outbound.get(uri, max_body_bytes=_LARGEST_JWKS, total_deadline=_DEADLINE)
        if answer.status != 200:
            event_log.warning("client_keys_not_fetched", jwks_uri=uri, kind="status", status=answer.status)
            return _nothing()
        keys = usable_keys(strict_json.load(answer.body))
        return _Fetched(KeySet.import_key_set({"keys": keys}), certificate_thumbprints(keys), clock.now())
    except OutboundFailure as exc:
        event_log.warning("client_keys_not_fetched", jwks_uri=uri, kind=exc.kind, detail=exc.detail)
    except LIBRARY_FAILURES as exc:
        event_log.warning("client_keys_not_fetched", jwks_uri=uri, kind=type(exc).__name__)
    return _nothing()


def _nothing() -> _Fetched:
    """Return that nothing could be fetched; it is tried again as for an unknown kid."""
    return _Fetched(None, frozenset(), clock.now())


def _cache() -> dict[str, _Fetched]:
    return current.memo("client-keys", dict)


def _lock(uri: str) -> Lock:
    locks: dict[str, Lock] = current.memo("client-keys-locks", dict)
    if len(locks) >= _MOST_REMEMBERED:
        locks.clear()
    return locks.setdefault(uri, Lock())
