"""Freshness by signed tokens (RFC 9068) and the logouts that the apps have received.

The API makes no requests for this. A token is refused as soon as the Logout Token of its session has reached
the store that the API shares with the apps; if none arrives, the token is accepted until it expires.
"""

import time
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from curfew_rp.provider_keys import ProviderKeys
from curfew_rp.resource_server.access import Access, Freshness, InvalidToken
from curfew_rp.session_index import SessionIndex, SignIn, last_heard_at
from curfew_rp.signed_token import ALGORITHMS, checked_algorithms, read_header, verified_payload
from curfew_rp.stores import Store
from curfew_rp.strict_json import is_identifier, is_numeric_date, read_object

_TYPES = ("at+jwt", "application/at+jwt")
_LEEWAY_SECONDS = 60.0


class SignedTokens:
    """Verifies signed access tokens for `audience`, and looks their sessions up among the ended ones.

    `store` is that of the apps' receivers. `longest_life` bounds how long a token may be accepted at all.
    """

    def __init__(
        self,
        keys: ProviderKeys,
        *,
        audience: str,
        store: Store,
        algorithms: Iterable[str] = ALGORITHMS,
        longest_life: timedelta = timedelta(minutes=10),
    ) -> None:
        self._keys = keys
        self._audience = audience
        self._store = store
        self._algorithms = checked_algorithms(algorithms)
        self._longest_life = longest_life

    @property
    def description(self) -> str:
        """Describe the freshness of the results, for a page or a log."""
        return (
            "signed tokens, and the Logout Tokens that the apps have received; "
            f"a token lives {self._longest_life.total_seconds():g} s at most"
        )

    def last_heard_at(self) -> float | None:
        """Return when the last logout reached an app with this store, in seconds; None if none did recently.

        Raises StoreUnavailable.
        """
        return last_heard_at(self._store, self._keys.issuer)

    def look_at(self, token: str) -> Access:
        """Return the access of a token; raises InvalidToken, ProviderUnreachable or StoreUnavailable."""
        claims = self._verified(token)
        self._check_claims(claims)
        self._check_session(claims)
        now = time.time()
        freshness = Freshness(
            mode="signed",
            age=max(now - claims["iat"], 0.0),
            stale_for_at_most=max(claims["exp"] - now, 0.0),
            last_heard_at=self.last_heard_at(),
        )
        return Access.from_claims(claims, freshness)

    def _verified(self, token: str) -> dict[str, Any]:
        try:
            header = read_header(token)
        except ValueError as exc:
            raise InvalidToken("the token is not a signed JWT") from exc
        # rfc9068 §4: ID Tokens and Logout Tokens are signed with the same keys, so the type must be checked.
        if str(header.get("typ")).lower() not in _TYPES or "crit" in header:
            raise InvalidToken("the token is not an access token")
        alg = header.get("alg")
        if not isinstance(alg, str) or alg not in self._algorithms:
            raise InvalidToken("the token's algorithm is not accepted")
        body = verified_payload(token, self._keys.find_keys(header.get("kid")), alg)
        if body is None:
            raise InvalidToken("the token is not signed by the provider")
        try:
            return read_object(body)
        except ValueError as exc:
            raise InvalidToken("the token's payload is not a JSON object") from exc

    def _check_claims(self, claims: Mapping[str, Any]) -> None:
        """rfc9068 §4: iss, aud and exp; §2.2: the required claims."""
        if claims.get("iss") != self._keys.issuer:
            raise InvalidToken("the token is of another issuer")
        audience = claims.get("aud")
        named = [audience] if isinstance(audience, str) else audience
        if not isinstance(named, list) or self._audience not in named:
            raise InvalidToken("the token is for another API")
        iat, exp, now = claims.get("iat"), claims.get("exp"), time.time()
        if not is_numeric_date(iat) or not is_numeric_date(exp) or iat > now + _LEEWAY_SECONDS:
            raise InvalidToken("the token's instants are not those of a token")
        if exp <= now or exp - iat > self._longest_life.total_seconds():
            raise InvalidToken("the token has expired, or lives too long")
        if not all(is_identifier(claims.get(name)) for name in ("sub", "client_id", "jti")):
            raise InvalidToken("the token lacks sub, client_id or jti")

    def _check_session(self, claims: Mapping[str, Any]) -> None:
        """Reject a token whose session or person has been logged out, as the app was notified."""
        try:
            sign_in = SignIn.from_claims(claims)
        except ValueError as exc:
            raise InvalidToken("the token's sid is not a short text") from exc
        index = SessionIndex(self._store, issuer=self._keys.issuer, client_id=claims["client_id"])
        if index.has_ended_since(sign_in):
            raise InvalidToken("the session of the token has ended")
