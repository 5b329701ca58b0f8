"""The provider's metadata and keys, fetched when first needed, kept for minutes and refreshed within bounds.

The provider may start later than the app: nothing is fetched at start-up, and a failed fetch is tried again.
"""

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeGuard

import requests

from curfew_rp.errors import ProviderUnreachable
from curfew_rp.signed_token import matching

TIMEOUT_SECONDS = (3.0, 5.0)
DEADLINE_SECONDS = 10.0
DOCUMENT_SIZE_LIMIT = 256 * 1024
_CHUNK = 16 * 1024
# A token with an unknown kid asks for fresh keys, and anyone can send one.
SECONDS_BETWEEN_FETCHES = 5.0
Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Fetched:
    """A document and when it was fetched, by the monotonic clock."""

    document: Document = field(repr=False)
    at: float


class ProviderKeys:
    """One issuer's discovery document and JWK Set, shared by the threads of a process.

    `kept_for` is how long both are used before they are fetched again: a withdrawn key is accepted for so
    long at most. `ca_bundle` names the certificates of a private authority.
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

    def find_keys(self, kid: str | None) -> list[Mapping[str, Any]]:
        """Return the keys that may have signed a token with this `kid`; raises ProviderUnreachable.

        An unknown `kid` has the keys fetched again, unless that was done seconds ago: the answer is then
        known from these, and the list is empty.
        """
        found = matching(self._keys(self._kept_seconds), kid)
        return found or matching(self._keys(SECONDS_BETWEEN_FETCHES), kid)

    def _keys(self, oldest: float) -> list[object]:
        kept = self._jwks
        if _is_fresh(kept, oldest):
            return _keys_in(kept)
        with self._fetching:
            # Another thread may have fetched them while this one waited.
            kept = self._jwks
            if not _is_fresh(kept, oldest):
                kept = self._jwks = self._fetched_jwks()
            return _keys_in(kept)

    def _fetched_jwks(self) -> _Fetched:
        fetched = self._fetch(self._url_in(self._fresh_metadata(), "jwks_uri"))
        if not isinstance(fetched.document.get("keys"), list):
            raise ProviderUnreachable("the provider's JWK Set has no keys")
        return fetched

    def _fresh_metadata(self) -> Document:
        kept = self._metadata
        if not _is_fresh(kept, self._kept_seconds):
            kept = self._fetch(self.issuer.rstrip("/") + "/.well-known/openid-configuration")
            # discovery §4.3: the issuer in the document MUST be identical to the one asked for.
            if kept.document.get("issuer") != self.issuer:
                raise ProviderUnreachable("the discovery document names another issuer")
            self._metadata = kept
        return kept.document

    def _url_in(self, metadata: Document, name: str) -> str:
        """Return a URL of the metadata; an https issuer has no endpoint that others could answer for."""
        url = metadata.get(name)
        if not isinstance(url, str):
            raise ProviderUnreachable(f"the provider has no {name}")
        if self.issuer.startswith("https://") and not url.startswith("https://"):
            raise ProviderUnreachable(f"the provider's {name} is not https")
        return url

    def _fetch(self, url: str) -> _Fetched:
        """Fetch a document, but not within seconds of a failure: each of many requests would wait for it."""
        if self._failed_at is not None and time.monotonic() - self._failed_at < SECONDS_BETWEEN_FETCHES:
            raise ProviderUnreachable("the provider did not answer a moment ago")
        try:
            document = get_document(url, self._ca_bundle)
        except ProviderUnreachable:
            self._failed_at = time.monotonic()
            raise
        self._failed_at = None
        return _Fetched(document, time.monotonic())


def get_document(url: str, ca_bundle: str | None = None) -> Document:
    """Fetch a JSON object of bounded size within a deadline; raises ProviderUnreachable."""
    with requests.Session() as session:
        # The provider itself, not a proxy that the environment names.
        session.trust_env = False
        session.verify = ca_bundle or True
        try:
            with session.get(url, timeout=TIMEOUT_SECONDS, allow_redirects=False, stream=True) as response:
                body = _bounded_body(response)
                is_ok = response.status_code == requests.codes.ok
                document = json.loads(body) if is_ok else None
        except (requests.RequestException, ValueError, RecursionError) as exc:
            raise ProviderUnreachable(f"the provider does not answer at {url}") from exc
    if not isinstance(document, dict):
        raise ProviderUnreachable(f"the provider's answer at {url} is not a JSON object")
    return document


def _bounded_body(response: requests.Response) -> bytes:
    """Read an answer; a server that sends for ever, or byte by byte, is given up."""
    gives_up_at = time.monotonic() + DEADLINE_SECONDS
    body = b""
    for chunk in response.iter_content(_CHUNK):
        body += chunk
        if len(body) > DOCUMENT_SIZE_LIMIT or time.monotonic() > gives_up_at:
            raise ProviderUnreachable("the provider's answer is too large or too slow")
    return body


def _is_fresh(kept: _Fetched | None, oldest: float) -> TypeGuard[_Fetched]:
    return kept is not None and time.monotonic() - kept.at <= oldest


def _keys_in(fetched: _Fetched) -> list[object]:
    keys: list[object] = fetched.document["keys"]
    return keys
