"""The public keys of clients: registered as they are, or published at an address of theirs.

Keys are fetched before any transaction is open, only from registered addresses and through the guarded
client; if that fails, the client is refused, and invented kids cause few fetches (DEC-17). While a host
hangs, the keys that it published last are used for a limited time.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

from joserfc.jwk import KeySet

from provider.clients import fetch_slots
from provider.clients.fetch_slots import PATIENCE, NoSlotFree, registrant_of
from provider.clients.models import Client
from provider.infrastructure import clock, current, event_log
from provider.infrastructure.database import connection_released, reading
from provider.infrastructure.outbound_http import OutboundFailure
from provider.oauth.client_proof.documents import no_slot
from provider.oauth.client_proof.registered_client import find_active
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
# How long keys are used while their host hangs: short, so that a withdrawn key soon stops working.
_STALE_FOR = timedelta(minutes=30)
# A request that could go on with stale keys does not wait longer than this for fresh ones.
_DEADLINE_WITH_STALE = timedelta(seconds=1)
_MOST_OF_IT = 0.9
_LOOK_AGAIN_AFTER = timedelta(seconds=30)
# With open registration, registrants decide how many addresses there are.
MOST_REMEMBERED = 1000


Keys = Sequence[Mapping[str, Any]]


class NoKeys(Exception):
    """There is no key to verify this client's signatures with."""


class _Hanging(Exception):
    """A host did not answer in time."""


@dataclass(frozen=True, slots=True)
class _Fetched:
    keys: KeySet | None
    certificates: frozenset[str]
    at: datetime
    # The usable ones among the published keys, unchanged.
    published: Keys = ()
    # When an unknown key made us fetch again early, or the host hung.
    looked_again_at: datetime | None = None
    # The registrant of the client, if it is not the operator.
    registrant: str | None = None

    @property
    def is_fresh(self) -> bool:
        """Whether known keys may be used without fetching again."""
        return clock.now() - self.at <= _FRESH_FOR

    @property
    def is_usable(self) -> bool:
        """Whether the keys may be used: while fresh, and somewhat longer if no later fetch has succeeded."""
        return clock.now() - self.at <= (_STALE_FOR if self.keys is not None else _FRESH_FOR)


_Knows = Callable[[_Fetched], bool]


def keys_of(metadata: ClientMetadata) -> KeySet:
    """Return a client's keys. Raises NoKeys; nothing is fetched here."""
    if metadata.jwks_uri:
        fetched = _known(metadata.jwks_uri)
        if fetched is None or fetched.keys is None:
            raise NoKeys
        return fetched.keys
    try:
        return KeySet.import_key_set({"keys": (metadata.jwks or {}).get("keys", [])})
    except LIBRARY_FAILURES as exc:
        raise NoKeys from exc


def public_keys_of(metadata: ClientMetadata) -> Keys:
    """Return a client's public JWKs as it wrote them; nothing is fetched here."""
    if metadata.jwks_uri:
        fetched = _known(metadata.jwks_uri)
        return fetched.published if fetched else ()
    keys: Keys = (metadata.jwks or {}).get("keys", ())
    return keys


def needs_fetch(metadata: ClientMetadata, has: Callable[[Keys], bool]) -> bool:
    """Return whether a client's keys should be fetched before one that they may have is used."""
    uri = metadata.jwks_uri
    return uri is not None and _is_worth_a_look(uri, lambda fetched: has(fetched.published))


def fetch_if_lacking(client: Client, has: Callable[[Keys], bool]) -> None:
    """Fetch a client's published keys if we lack a fresh one of the kind that `has` looks for.

    Raises TemporarilyUnavailable as `_look` does.
    """
    _look(client, lambda fetched: has(fetched.published))


def certificates_of(metadata: ClientMetadata) -> frozenset[str]:
    """Return the x5t#S256 of each certificate in a client's keys; nothing is fetched here."""
    if metadata.jwks_uri:
        fetched = _known(metadata.jwks_uri)
        return fetched.certificates if fetched else frozenset()
    return certificate_thumbprints((metadata.jwks or {}).get("keys", []))


def fetch_if_needed(parameters: Mapping[str, str], certificate: ClientCertificate | None = None) -> None:
    """Fetch the published keys of the client that a proof names, if we lack the key that signed it."""
    assertion = parameters.get("client_assertion", "")
    if assertion:
        client_id, kid = _names_in(assertion)
        fetch_keys_for(client_id, kid)
    elif certificate and "client_id" in parameters:
        with reading():
            client = find_active(parameters["client_id"])
        if client and client.metadata.token_endpoint_auth_method == SELF_SIGNED_TLS_CLIENT_AUTH:
            _look(client.client, lambda fetched: certificate.thumbprint in fetched.certificates)


def fetch_keys_for(client_id: object, kid: object) -> None:
    """Fetch a client's published keys if we lack the key that one of its tokens names."""
    with reading():
        client = find_active(client_id)
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
    """Fetch a client's published keys if that may help; of many concurrent requests, only one fetches.

    Raises TemporarilyUnavailable if too many requests wait for such hosts and stale keys are no help.
    """
    uri = client.metadata_.jwks_uri
    if not uri or not _is_worth_a_look(uri, knows):
        return
    known, registrant = _known(uri), registrant_of(client)
    has_stale = known is not None and knows(known)
    try:
        with (
            connection_released(),
            fetch_slots.documents().hold(uri, registrant, patience=0.0 if has_stale else PATIENCE),
        ):
            _look_alone(uri, registrant, knows, has_stale=has_stale)
    except NoSlotFree as exc:
        if not has_stale:
            raise no_slot() from exc


def _look_alone(uri: str, registrant: str | None, knows: _Knows, *, has_stale: bool) -> None:
    lock = _fetched_keys().lock_of(uri)
    if not lock.acquire(blocking=not has_stale):
        return
    try:
        if _is_worth_a_look(uri, knows):
            _fetched_keys().keep(uri, replace(_looked(uri, has_stale=has_stale), registrant=registrant))
    finally:
        lock.release()


def _looked(uri: str, *, has_stale: bool) -> _Fetched:
    """Return what is known of a client's keys after another look."""
    known, now = _known(uri), clock.now()
    try:
        fetched = _fetch(uri, _DEADLINE_WITH_STALE if has_stale else _DEADLINE)
    except _Hanging:
        return replace(known or _nothing(), looked_again_at=now)
    was_early = known is not None and known.is_fresh
    return replace(fetched, looked_again_at=now if was_early else None)


def _is_worth_a_look(uri: str, knows: _Knows) -> bool:
    """core §10.1.1: an unknown key may be new; invented ones cause at most one fetch per interval."""
    known = _known(uri)
    if known is None:
        return True
    again = known.looked_again_at
    may_look = again is None or clock.now() - again > _LOOK_AGAIN_AFTER
    return may_look and not (known.is_fresh and knows(known))


def _known(uri: str) -> _Fetched | None:
    fetched = _fetched_keys().get(uri)
    return fetched if fetched and fetched.is_usable else None


def _fetch(uri: str, deadline: timedelta) -> _Fetched:
    """Fetch a client's published keys. Raises _Hanging if there is no response in time."""
    started_at = clock.now()
    try:
        response = current.services().outbound.get(uri, max_body_bytes=_LARGEST_JWKS, total_deadline=deadline)
        if response.status != 200:
            event_log.warning("client_keys_not_fetched", jwks_uri=uri, kind="status", status=response.status)
            return _nothing()
        keys = usable_keys(strict_json.load(response.body))
        imported, now = KeySet.import_key_set({"keys": keys}), clock.now()
        return _Fetched(imported, certificate_thumbprints(keys), now, published=keys)
    except OutboundFailure as exc:
        event_log.warning("client_keys_not_fetched", jwks_uri=uri, kind=exc.kind, detail=exc.detail)
        # Also a connection that is neither made nor refused.
        if exc.kind == "timeout" or clock.now() - started_at >= deadline * _MOST_OF_IT:
            raise _Hanging from exc
    except LIBRARY_FAILURES as exc:
        event_log.warning("client_keys_not_fetched", jwks_uri=uri, kind=type(exc).__name__)
    return _nothing()


def _nothing() -> _Fetched:
    """Return the state of a failed fetch; fetching is retried as for an unknown kid."""
    return _Fetched(None, frozenset(), clock.now())


class FetchedKeys:
    """The keys that this process has fetched, by address, up to a limit."""

    def __init__(self, most: int = MOST_REMEMBERED) -> None:
        self._most = most
        self._remembered: dict[str, _Fetched] = {}
        self._locks: dict[str, Lock] = {}

    def get(self, uri: str) -> _Fetched | None:
        """Return what was fetched from an address."""
        return self._remembered.get(uri)

    def keep(self, uri: str, fetched: _Fetched) -> None:
        """Keep fetched keys; once full, drop the oldest entry of the registrant that has most."""
        self._remembered.pop(uri, None)
        if len(self._remembered) >= self._most:
            entries = list(self._remembered.items())
            named = [one.registrant for _, one in entries if one.registrant is not None]
            most = Counter(named).most_common(1)[0][0] if named else None
            self._remembered.pop(next(name for name, one in entries if one.registrant == most), None)
        self._remembered[uri] = fetched

    def lock_of(self, uri: str) -> Lock:
        """Return the lock under which an address is asked."""
        if len(self._locks) >= self._most:
            self._locks.clear()
        return self._locks.setdefault(uri, Lock())


def _fetched_keys() -> FetchedKeys:
    return current.memo("client-keys", FetchedKeys)
