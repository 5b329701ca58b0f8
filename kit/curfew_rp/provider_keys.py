"""The provider's metadata and keys: fetched when first needed, kept for minutes, refreshed at a limited rate.

The provider may start later than the app: nothing is fetched at start-up, and a failed fetch is retried.
"""

import json
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeGuard

import requests

from curfew_rp.errors import ProviderUnreachable
from curfew_rp.provider_http import TIMEOUT_SECONDS, bounded_body, open_session
from curfew_rp.signed_token import matching

DOCUMENT_SIZE_LIMIT = 256 * 1024
# The wait after a failure, and the mean interval of fetches for an unknown kid, which anyone can send.
SECONDS_BETWEEN_FETCHES = 5.0
# How many fetches for an unknown kid may follow each other at once, so that a few invalid tokens do not delay
# a valid one.
FETCHES_AT_ONCE = 3
Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Fetched:
    """A document, with the times of its request and its arrival on the monotonic clock."""

    document: Document = field(repr=False)
    asked_at: float
    at: float


class ProviderKeys:
    """One issuer's discovery document and JWK Set, shared by the threads of a process.

    `kept_for` is how long both are used before they are fetched again: a withdrawn key is accepted for at
    most this long. `ca_bundle` is a file with the certificates of a private authority.
    """

    def __init__(
        self,
        issuer: str,
        *,
        kept_for: timedelta = timedelta(minutes=10),
        ca_bundle: Path | str | None = None,
    ) -> None:
        self.issuer = issuer
        self._kept_seconds = kept_for.total_seconds()
        self._ca_bundle = str(ca_bundle) if ca_bundle else None
        self._fetching = threading.Lock()
        self._metadata: _Fetched | None = None
        self._jwks: _Fetched | None = None
        self._failed_at: float | None = None
        self._asked_anew: deque[float] = deque(maxlen=FETCHES_AT_ONCE)

    def metadata(self) -> Document:
        """Return the discovery document; raises ProviderUnreachable."""
        kept = self._metadata
        if _is_fresh(kept, self._kept_seconds):
            return kept.document
        with self._fetching:
            return self._fresh_metadata()

    def endpoint(self, name: str) -> str:
        """Return the URL of an endpoint by its metadata name; raises ProviderUnreachable."""
        return self._url_in(self.metadata(), name)

    def jwks(self, *, anew: bool = False) -> Document:
        """Return the JWK Set; with `anew` fetch it now, if the rate allows. Raises ProviderUnreachable."""
        return (self._jwks_since(time.monotonic()) if anew else self._kept_jwks()).document

    def find_keys(self, kid: str | None) -> list[Mapping[str, Any]]:
        """Return the keys that may have signed a token with this `kid`; raises ProviderUnreachable.

        An unknown `kid` causes the keys to be fetched again: the list is empty only if keys that were fetched
        after this call began lack it. The rate of such fetches is limited; beyond the limit the result is
        unknown (KIT-02).
        """
        began = time.monotonic()
        found = matching(_keys_in(self._kept_jwks()), kid)
        return found or matching(_keys_in(self._jwks_since(began)), kid)

    def _kept_jwks(self) -> _Fetched:
        kept = self._jwks
        if _is_fresh(kept, self._kept_seconds):
            return kept
        with self._fetching:
            # Another thread may have fetched them while this one waited.
            kept = self._jwks
            if not _is_fresh(kept, self._kept_seconds):
                kept = self._jwks = self._fetched_jwks()
            return kept

    def _jwks_since(self, instant: float) -> _Fetched:
        with self._fetching:
            kept = self._jwks
            if kept is None or kept.asked_at < instant:
                self._count_fetch()
                kept = self._jwks = self._fetched_jwks()
            return kept

    def _count_fetch(self) -> None:
        """Allow a fetch for an unknown `kid`; made-up ones must not each cause a request."""
        now = time.monotonic()
        is_full = len(self._asked_anew) == FETCHES_AT_ONCE
        if is_full and now - self._asked_anew[0] < FETCHES_AT_ONCE * SECONDS_BETWEEN_FETCHES:
            raise ProviderUnreachable("the kid is unknown, and the provider's keys were fetched a moment ago")
        self._asked_anew.append(now)

    def _fetched_jwks(self) -> _Fetched:
        fetched = self._fetch(self._url_in(self._fresh_metadata(), "jwks_uri"))
        if not isinstance(fetched.document.get("keys"), list):
            raise ProviderUnreachable("the provider's JWK Set has no keys")
        return fetched

    def _fresh_metadata(self) -> Document:
        kept = self._metadata
        if not _is_fresh(kept, self._kept_seconds):
            kept = self._fetch(self.issuer.rstrip("/") + "/.well-known/openid-configuration")
            # discovery §4.3: the issuer in the document MUST be identical to the requested one.
            if kept.document.get("issuer") != self.issuer:
                raise ProviderUnreachable("the discovery document names another issuer")
            self._metadata = kept
        return kept.document

    def _url_in(self, metadata: Document, name: str) -> str:
        """Return a URL from the metadata; endpoints of an https issuer must use https as well."""
        url = metadata.get(name)
        if not isinstance(url, str):
            raise ProviderUnreachable(f"the provider has no {name}")
        if self.issuer.startswith("https://") and not url.startswith("https://"):
            raise ProviderUnreachable(f"the provider's {name} is not https")
        return url

    def _fetch(self, url: str) -> _Fetched:
        """Fetch a document, but not within seconds of a failure, or many requests would wait for it."""
        if self._failed_at is not None and time.monotonic() - self._failed_at < SECONDS_BETWEEN_FETCHES:
            raise ProviderUnreachable("the provider did not answer a moment ago")
        asked_at = time.monotonic()
        try:
            document = get_document(url, self._ca_bundle)
        except ProviderUnreachable:
            self._failed_at = time.monotonic()
            raise
        self._failed_at = None
        return _Fetched(document, asked_at, time.monotonic())


def get_document(url: str, ca_bundle: str | None = None) -> Document:
    """Fetch a JSON object of bounded size within a deadline; raises ProviderUnreachable."""
    with open_session(ca_bundle) as session:
        try:
            with session.get(url, timeout=TIMEOUT_SECONDS, allow_redirects=False, stream=True) as response:
                body = bounded_body(response, DOCUMENT_SIZE_LIMIT)
                is_ok = response.status_code == requests.codes.ok
                document = json.loads(body) if is_ok else None
        except (requests.RequestException, ValueError, RecursionError) as exc:
            raise ProviderUnreachable(f"the provider does not answer at {url}") from exc
    if not isinstance(document, dict):
        raise ProviderUnreachable(f"the provider's response at {url} is not a JSON object")
    return document


def _is_fresh(kept: _Fetched | None, oldest: float) -> TypeGuard[_Fetched]:
    return kept is not None and time.monotonic() - kept.at <= oldest


def _keys_in(fetched: _Fetched) -> list[object]:
    keys: list[object] = fetched.document["keys"]
    return keys
