"""Freshness by introspection (RFC 7662): the provider is queried on each call, or once in n seconds.

Without a cache a token is refused from the moment at which a sign-out is committed. With a cache of n seconds
it may be accepted for up to n seconds longer, which each response states.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from datetime import timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import quote_plus

import requests

from curfew_rp.errors import ProviderUnreachable
from curfew_rp.provider_http import TIMEOUT_SECONDS, bounded_body, open_session
from curfew_rp.provider_keys import ProviderKeys
from curfew_rp.resource_server.access import Access, Freshness, InvalidToken
from curfew_rp.strict_json import is_numeric_date, read_object

RESPONSES_KEPT = 10_000
_RESPONSE_SIZE_LIMIT = 64 * 1024
_TYPES_FOR_APIS = frozenset({"bearer", "dpop"})


class Introspection:
    """Queries the provider whether a token is active, as a client with its own secret.

    `audience` is the URI of this API; a token with an audience must include it. `kept_for` is how long a
    response is used without querying again.
    """

    def __init__(
        self,
        keys: ProviderKeys,
        *,
        client_id: str,
        client_secret: str,
        audience: str | None = None,
        kept_for: timedelta = timedelta(0),
        ca_bundle: str | None = None,
    ) -> None:
        self._keys = keys
        # rfc6749 §2.3.1: both are form-encoded first, so that colons and plus signs arrive unchanged.
        self._auth = (quote_plus(client_id), quote_plus(client_secret))
        self._audience = audience
        self._kept_seconds = kept_for.total_seconds()
        self._kept: OrderedDict[str, tuple[float, dict[str, Any]]] = OrderedDict()
        self._lock = threading.Lock()
        self._http = open_session(ca_bundle)

    @property
    def description(self) -> str:
        """Describe the freshness of the results, for a page or a log."""
        if not self._kept_seconds:
            return "introspection on each call"
        return f"introspection, each response kept for {self._kept_seconds:g} s"

    def look_at(self, token: str) -> Access:
        """Return the access of an active token; raises InvalidToken or ProviderUnreachable."""
        asked_at, response = self._answer(token)
        if response.get("active") is not True:
            raise InvalidToken("the token is not active")
        self._check(response)
        age = max(time.monotonic() - asked_at, 0.0)
        freshness = Freshness(
            mode="introspection", age=age, stale_for_at_most=max(self._kept_seconds - age, 0.0)
        )
        return Access.from_claims(response, freshness)

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def _answer(self, token: str) -> tuple[float, dict[str, Any]]:
        name = sha256(token.encode()).hexdigest()
        with self._lock:
            kept = self._kept.get(name)
        if kept and time.monotonic() - kept[0] < self._kept_seconds:
            return kept
        # The instant before the request: the response may not reflect a sign-out after it.
        fresh = time.monotonic(), self._ask(token)
        if self._kept_seconds:
            with self._lock:
                self._kept[name] = fresh
                self._kept.move_to_end(name)
                if len(self._kept) > RESPONSES_KEPT:
                    self._kept.popitem(last=False)
        return fresh

    def _ask(self, token: str) -> dict[str, Any]:
        endpoint = self._keys.endpoint("introspection_endpoint")
        form = {"token": token, "token_type_hint": "access_token"}
        try:
            with self._http.post(
                endpoint,
                data=form,
                auth=self._auth,
                timeout=TIMEOUT_SECONDS,
                allow_redirects=False,
                stream=True,
            ) as response:
                body = bounded_body(response, _RESPONSE_SIZE_LIMIT)
            is_ok = response.status_code == requests.codes.ok
            document = read_object(body) if is_ok else None
        except (requests.RequestException, ValueError) as exc:
            raise ProviderUnreachable("the provider's introspection does not answer") from exc
        if document is None:
            raise ProviderUnreachable(f"the provider's introspection answered {response.status_code}")
        return document

    def _check(self, response: Mapping[str, Any]) -> None:
        """Reject tokens that are not access tokens, are for other APIs, or have expired since the query."""
        # A client may also introspect its own refresh tokens: they are active, but have no token_type.
        if str(response.get("token_type")).lower() not in _TYPES_FOR_APIS:
            raise InvalidToken("the token is not an access token")
        if response.get("iss", self._keys.issuer) != self._keys.issuer:
            raise InvalidToken("the token is of another issuer")
        audience = response.get("aud")
        named = [audience] if isinstance(audience, str) else audience
        is_named = isinstance(named, list) and self._audience in named
        if self._audience is not None and named is not None and not is_named:
            raise InvalidToken("the token is for another API")
        exp = response.get("exp")
        if exp is not None and not (is_numeric_date(exp) and exp > time.time()):
            raise InvalidToken("the token has expired")
