"""The app's HTTP client: no redirects, bounded responses, DPoP with the nonce that a server requests."""

import base64
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote_plus, urlsplit

import requests

from curfew_rp.errors import ProviderUnreachable
from curfew_rp.provider_keys import Document
from relying_party_demo.dpop import DPoPKey

# To connect, and for each read; in seconds.
TIMEOUT = (3.0, 10.0)
LARGEST_RESPONSE = 1024 * 1024
# For the whole response; TIMEOUT applies to each read.
DEADLINE_SECONDS = 20.0
_CHUNK = 16 * 1024


class NoNetwork(ProviderUnreachable):
    """The server could not be reached, or its response did not arrive; what it has done is unknown."""


@dataclass(frozen=True, slots=True)
class Response:
    """A response that has arrived completely."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def is_ok(self) -> bool:
        """Whether the server fulfilled the request."""
        return self.status // 100 == 2

    def document(self) -> Document:
        """Return the JSON object in the body, or an empty one."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def wants_nonce(self) -> bool:
        """Whether only the nonce was missing (rfc9449 §8 and §9)."""
        if self.status == HTTPStatus.BAD_REQUEST:
            return self.document().get("error") == "use_dpop_nonce"
        is_refused = self.status == HTTPStatus.UNAUTHORIZED
        return is_refused and 'error="use_dpop_nonce"' in self.headers.get("WWW-Authenticate", "")


class Wire:
    """Sends requests, and remembers the nonce of each origin."""

    def __init__(self, ca_bundle: Path | None = None) -> None:
        self._session = requests.Session()
        # Like the other demo apps, ignore proxies from the environment. No retries: a DPoP proof and a
        # refresh token are used once, and only the caller knows what a second attempt would mean.
        self._session.trust_env = False
        self._session.headers["User-Agent"] = "CurfewNative/1"
        if ca_bundle:
            self._session.verify = str(ca_bundle)
        self._nonces: dict[str, str] = {}

    def close(self) -> None:
        """Close the connections that were kept open."""
        self._session.close()

    def send(
        self,
        method: str,
        url: str,
        *,
        form: Mapping[str, str] | None = None,
        key: DPoPKey | None = None,
        access_token: str | None = None,
        credentials: tuple[str, str] | None = None,
    ) -> Response:
        """Send a request, and once more if the server asks for a nonce. Raises NoNetwork.

        `credentials` are those of a confidential client.
        """
        for is_last in (False, True):
            headers = self._headers(method, url, key, access_token) | _basic(credentials)
            response = self._send_once(method, url, form, headers)
            if is_last or key is None or not response.wants_nonce or "DPoP-Nonce" not in response.headers:
                break
        return response

    def _send_once(
        self,
        method: str,
        url: str,
        form: Mapping[str, str] | None,
        headers: Mapping[str, str],
    ) -> Response:
        try:
            with self._session.request(
                method, url, data=form, headers=headers, timeout=TIMEOUT, allow_redirects=False, stream=True
            ) as response:
                body = _read(response)
        except requests.RequestException as exc:
            raise NoNetwork(f"{urlsplit(url).netloc} does not answer") from exc
        if nonce := response.headers.get("DPoP-Nonce"):
            # rfc9449 §8.2: the newest nonce of a server replaces the previous one.
            self._nonces[_origin(url)] = nonce
        return Response(response.status_code, response.headers, body)

    def _headers(
        self, method: str, url: str, key: DPoPKey | None, access_token: str | None
    ) -> dict[str, str]:
        headers = {"Accept": "application/json"}
        if key is not None:
            nonce = self._nonces.get(_origin(url))
            headers["DPoP"] = key.proof(method, url, access_token=access_token, nonce=nonce)
        if access_token is not None:
            headers["Authorization"] = f"DPoP {access_token}"
        return headers


def _basic(credentials: tuple[str, str] | None) -> dict[str, str]:
    """rfc6749 §2.3.1: both parts are form-encoded before they are joined."""
    if credentials is None:
        return {}
    joined = ":".join(map(quote_plus, credentials)).encode()
    return {"Authorization": f"Basic {base64.b64encode(joined).decode()}"}


def _read(response: requests.Response) -> bytes:
    deadline = time.monotonic() + DEADLINE_SECONDS
    body = bytearray()
    for chunk in response.iter_content(_CHUNK):
        body += chunk
        if len(body) > LARGEST_RESPONSE or time.monotonic() > deadline:
            raise requests.RequestException("the response is too large or too slow")
    return bytes(body)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()
