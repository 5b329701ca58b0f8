"""The public keys of clients that sign: registered as they are, or published at an address of theirs.

Fetching happens before any transaction is open, from registered addresses alone and through the guarded
door; when it fails nobody is let in, and a stranger who invents kids makes us look but seldom (DEC-17).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from provider.infrastructure import clock, current, event_log
from provider.infrastructure.database import end_read
from provider.infrastructure.outbound_http import OutboundFailure
from provider.oauth.registered_client import find_active
from provider.protocol.client_metadata import ClientMetadata

LARGEST_ASSERTION = 8 * 1024
_LARGEST_JWKS = 64 * 1024
_DEADLINE = timedelta(seconds=3)
_FRESH_FOR = timedelta(minutes=5)
_LOOK_AGAIN_AFTER = timedelta(seconds=30)


class NoKeys(Exception):
    """There is no key to verify this client's signatures with."""


@dataclass(frozen=True, slots=True)
class _Fetched:
    keys: KeySet | None
    at: datetime


def keys_of(metadata: ClientMetadata) -> KeySet:
    """Return a client's keys. Raises NoKeys; nothing is fetched here."""
    if metadata.jwks_uri:
        fetched = _cache().get(metadata.jwks_uri)
        if fetched is None or fetched.keys is None or clock.now() - fetched.at > _FRESH_FOR:
            raise NoKeys
        return fetched.keys
    try:
        return KeySet.import_key_set({"keys": (metadata.jwks or {}).get("keys", [])})
    except (JoseError, ValueError) as exc:
        raise NoKeys from exc


def fetch_if_needed(parameters: Mapping[str, str]) -> None:
    """Fetch the keys of the client that an assertion names, where it publishes them and we lack the one."""
    assertion = parameters.get("client_assertion", "")
    if not assertion or len(assertion) > LARGEST_ASSERTION:
        return
    client_id, kid = _names_in(assertion)
    client = find_active(client_id)
    end_read()
    uri = client.metadata.jwks_uri if client else None
    if uri and _is_worth_a_look(_cache().get(uri), kid):
        _cache()[uri] = _Fetched(_fetch(uri), clock.now())


def _names_in(assertion: str) -> tuple[object, object]:
    """Return the client and the key that an unverified assertion names."""
    try:
        token = jws.extract_compact(assertion.encode())
        claims = json.loads(token.payload)
    except (JoseError, ValueError, RecursionError):
        return None, None
    return claims.get("sub") if isinstance(claims, dict) else None, token.headers().get("kid")


def _is_worth_a_look(fetched: _Fetched | None, kid: object) -> bool:
    if fetched is None:
        return True
    age = clock.now() - fetched.at
    if age > _FRESH_FOR:
        return True
    is_known = fetched.keys is not None and (kid is None or any(key.kid == kid for key in fetched.keys))
    return not is_known and age > _LOOK_AGAIN_AFTER


def _fetch(uri: str) -> KeySet | None:
    try:
        answer = current.house().outbound.get(uri, max_body_bytes=_LARGEST_JWKS, total_deadline=_DEADLINE)
        if answer.status != 200:
            event_log.warning("client_keys_not_fetched", jwks_uri=uri, kind="status", status=answer.status)
            return None
        return KeySet.import_key_set({"keys": json.loads(answer.body)["keys"]})
    except OutboundFailure as exc:
        event_log.warning("client_keys_not_fetched", jwks_uri=uri, kind=exc.kind, detail=exc.detail)
    except (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as exc:
        event_log.warning("client_keys_not_fetched", jwks_uri=uri, kind=type(exc).__name__)
    return None


def _cache() -> dict[str, _Fetched]:
    return current.memo("client-keys", dict)
