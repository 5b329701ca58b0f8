"""The provider as seen from outside: its metadata and keys, fetched when first needed and kept for a while.

The provider may start later than this app; nothing is asked at start-up, and a failed fetch is tried again.
"""

import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

TIMEOUT = (3.0, 10.0)
SECONDS_KEPT = 600.0
# An unknown kid asks for fresh keys, and anybody can invent one, so they are fetched at a limited rate.
SECONDS_BETWEEN_KEY_FETCHES = 5.0
Document = dict[str, Any]


class ProviderUnreachable(Exception):
    """The provider does not answer, or not with what it should; nothing can be concluded from that."""


class KeysAskedTooOften(ProviderUnreachable):
    """A key is unknown, and the keys were fetched so recently that they are not fetched again yet."""


def prepare(session: requests.Session, ca_bundle: Path | None) -> None:
    """Make a requests session speak to the provider itself, past any proxy the environment names."""
    session.trust_env = False
    if ca_bundle:
        session.verify = str(ca_bundle)
    patience = Retry(total=2, backoff_factor=0.2, status_forcelist=(502, 503, 504), allowed_methods={"GET"})
    patience.raise_on_status = False
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=patience))


class OpenIDProvider:
    """One issuer's discovery document and JWK Set."""

    def __init__(self, issuer: str, ca_bundle: Path | None = None) -> None:
        self.issuer = issuer
        self._ca_bundle = ca_bundle
        self._lock = threading.Lock()
        self._metadata: Document = {}
        self._metadata_at = 0.0
        self._jwks: Document = {}
        self._jwks_at = 0.0
        self._forced_at: float | None = None

    def metadata(self) -> Document:
        """The discovery document of the issuer."""
        with self._lock:
            if not self._metadata or time.monotonic() - self._metadata_at > SECONDS_KEPT:
                document = self._get(self.issuer.rstrip("/") + "/.well-known/openid-configuration")
                # discovery §4.3: the issuer in the document MUST be identical to the one asked for.
                if document.get("issuer") != self.issuer:
                    raise ProviderUnreachable("the discovery document names another issuer")
                self._metadata, self._metadata_at = document, time.monotonic()
            return self._metadata

    def endpoint(self, name: str) -> str:
        """The URL of an endpoint, by its metadata name."""
        url = self.metadata().get(name)
        if not isinstance(url, str):
            raise ProviderUnreachable(f"the provider has no {name}")
        return url

    def jwks(self, *, force: bool = False) -> Document:
        """The provider's keys; by force fetched anew, unless that was done moments ago."""
        jwks_uri = self.endpoint("jwks_uri")
        with self._lock:
            now = time.monotonic()
            if force:
                if self._forced_at is not None and now - self._forced_at < SECONDS_BETWEEN_KEY_FETCHES:
                    raise KeysAskedTooOften("the provider's keys were fetched a moment ago")
                self._forced_at = now
            if force or not self._jwks or now - self._jwks_at > SECONDS_KEPT:
                document = self._get(jwks_uri)
                if not isinstance(document.get("keys"), list):
                    raise ProviderUnreachable("the provider's JWK Set has no keys")
                self._jwks, self._jwks_at = document, now
            return self._jwks

    def find_keys(self, kid: str | None) -> list[Mapping[str, Any]]:
        """The keys that may have signed a token with this kid; fetched anew when the kid is unknown."""
        found = _matching(self.jwks(), kid)
        return found or _matching(self.jwks(force=True), kid)

    def _get(self, url: str) -> Document:
        with requests.Session() as session:
            prepare(session, self._ca_bundle)
            try:
                response = session.get(url, timeout=TIMEOUT, allow_redirects=False)
                response.raise_for_status()
                document = response.json()
            except requests.RequestException as exc:
                raise ProviderUnreachable("the provider does not answer") from exc
        if response.status_code != requests.codes.ok or not isinstance(document, dict):
            raise ProviderUnreachable("the provider's answer is no JSON document")
        return document


def _matching(jwks: Document, kid: str | None) -> list[Mapping[str, Any]]:
    keys: list[Mapping[str, Any]] = [
        key for key in jwks["keys"] if isinstance(key, dict) and key.get("use", "sig") == "sig"
    ]
    return keys if kid is None else [key for key in keys if key.get("kid") == kid]
