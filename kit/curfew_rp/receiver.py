"""The endpoint that a provider posts Logout Tokens to (backchannel §2.5 to §2.8), without a web framework.

The token is the only proof, so the endpoint needs neither a cookie nor a CSRF token.
"""

import json
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qsl

from curfew_rp import errors
from curfew_rp.errors import AppFailed, CannotTell, InvalidLogoutRequest
from curfew_rp.logout_token import TOKEN_SIZE_LIMIT, Expectations, LogoutClaims, validate
from curfew_rp.provider_keys import ProviderKeys
from curfew_rp.session_index import SessionIndex
from curfew_rp.signed_token import ALGORITHMS, checked_algorithms, unverified_claims
from curfew_rp.stores import Store, store_from_url

# An adapter reads at most one byte more than this of a body.
BODY_SIZE_LIMIT = 16 * 1024
_MOST_FIELDS = 20
_SHOWN_CHARACTERS = 80
_RETRY_AFTER_SECONDS = 10
_log = logging.getLogger("curfew_rp")


@dataclass(frozen=True, slots=True, kw_only=True)
class Logout:
    """A logout from the provider, and the local sessions that it ended."""

    claims: LogoutClaims
    local_ids: list[str]


class Verdict(StrEnum):
    """The verdict on a request."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A received request: the verdict, its reason, and how many local sessions ended.

    `stated` are the identifiers in the token; unless the token was accepted, they are unverified.
    """

    verdict: Verdict
    stated: Mapping[str, Any]
    code: str = ""
    description: str = ""
    ended: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An HTTP response; its body is JSON or empty, and it is never cached (backchannel §2.8)."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def all_headers(self) -> dict[str, str]:
        """All headers except Content-Length."""
        kind = {"Content-Type": "application/json"} if self.body else {}
        return {"Cache-Control": "no-store", **kind, **self.headers}


class LogoutReceiver:
    """Validates Logout Tokens and ends the sessions that they name.

    `on_logout` is called with each accepted logout before the response, to delete the local sessions and
    their tokens; if it raises, the response is 503 and the provider tries again, so it must be idempotent.
    `on_receipt` is called with the verdict on each request. `leeway` allows for clock differences;
    `longest_life` bounds how long a `jti` is remembered.
    """

    def __init__(
        self,
        index: SessionIndex,
        *,
        client_id: str,
        keys: ProviderKeys | None = None,
        algorithms: Iterable[str] = ALGORITHMS,
        on_logout: Callable[[Logout], None] | None = None,
        on_receipt: Callable[[Receipt], None] | None = None,
        requires_typ: bool = False,
        leeway: timedelta = timedelta(seconds=60),
        longest_life: timedelta = timedelta(minutes=5),
    ) -> None:
        self.index = index
        self.keys = keys or ProviderKeys(index.issuer)
        if self.keys.issuer != index.issuer:
            raise ValueError("the keys and the index must be of one issuer")
        self.client_id = client_id
        self._algorithms = checked_algorithms(algorithms)
        self._on_logout = on_logout
        self._on_receipt = on_receipt
        self._requires_typ = requires_typ
        self._leeway = leeway.total_seconds()
        self._longest_life = longest_life.total_seconds()

    def receive(self, method: str, content_type: str | None, body: bytes) -> Answer:
        """Answer a request: 200 accepted, 400 refused, 405 not a POST, 503 undecided, try again.

        No input from a client causes a 5xx (KIT-02): that status is for an unavailable store or provider, and
        for an `on_logout` that fails.
        """
        if method != "POST":
            return _refusal(405, "invalid_request", "the method must be POST", {"Allow": "POST"})
        token = ""
        try:
            token = read_token(content_type, body)
            logout = self._accept(validate(token, self._expectations()))
        except InvalidLogoutRequest as exc:
            self._tell(token, Verdict.REFUSED, code=exc.code, description=exc.description)
            return _refusal(400, "invalid_request", str(exc))
        except CannotTell as exc:
            self._tell(token, Verdict.UNDECIDED, description=str(exc))
            return _try_again(str(exc))
        self._tell(token, Verdict.ACCEPTED, ended=len(logout.local_ids))
        return Answer(status=200)

    def _tell(self, token: str, verdict: Verdict, **details: Any) -> None:
        receipt = Receipt(verdict=verdict, stated=unverified_claims(token, TOKEN_SIZE_LIMIT), **details)
        _write(receipt)
        if self._on_receipt is None:
            return
        try:
            self._on_receipt(receipt)
        except Exception:  # noqa: BLE001 – it only watches, and the response is the same without it.
            _log.exception("on_receipt_failed")

    def _accept(self, claims: LogoutClaims) -> Logout:
        """End what the token names; its `jti` is used up last, so that it can be retried (KIT-03)."""
        local_ids = self.index.end(sub=claims.sub, sid=claims.sid, at=claims.iat)
        logout = Logout(claims=claims, local_ids=local_ids)
        self._tell_app(logout)
        self.index.drop(sub=claims.sub, sid=claims.sid, local_ids=local_ids)
        if not self.index.use(claims.jti, claims.exp + self._leeway - time.time() + 1):
            raise errors.TokenReplayed("a token with this jti was accepted before")
        return logout

    def _tell_app(self, logout: Logout) -> None:
        if self._on_logout is None:
            return
        try:
            self._on_logout(logout)
        except Exception as exc:
            _log.exception("on_logout_failed")
            raise AppFailed("the app could not delete its sessions") from exc

    def _expectations(self) -> Expectations:
        return Expectations(
            issuer=self.index.issuer,
            client_id=self.client_id,
            algorithms=self._algorithms,
            now=time.time(),
            leeway=self._leeway,
            longest_life=self._longest_life,
            requires_typ=self._requires_typ,
            find_keys=self.keys.find_keys,
            is_used=self.index.is_used,
            is_other_subject=self.index.is_other_subject,
        )


def make_receiver(
    *,
    issuer: str,
    client_id: str,
    store: Store | str,
    session_lifetime: timedelta = timedelta(hours=12),
    algorithms: Iterable[str] = ALGORITHMS,
    ca_bundle: str | None = None,
    on_logout: Callable[[Logout], None] | None = None,
    on_receipt: Callable[[Receipt], None] | None = None,
) -> LogoutReceiver:
    """Return a receiver with its index and keys; a store may be given by its URL."""
    opened = store_from_url(store) if isinstance(store, str) else store
    index = SessionIndex(opened, issuer=issuer, client_id=client_id, session_lifetime=session_lifetime)
    keys = ProviderKeys(issuer, ca_bundle=ca_bundle)
    return LogoutReceiver(
        index,
        client_id=client_id,
        keys=keys,
        algorithms=algorithms,
        on_logout=on_logout,
        on_receipt=on_receipt,
    )


def read_token(content_type: str | None, body: bytes) -> str:
    """Return the one logout_token of a form; raises InvalidLogoutRequest."""
    if len(body) > BODY_SIZE_LIMIT:
        raise errors.BodyTooLarge(f"the body is larger than {BODY_SIZE_LIMIT} bytes")
    if (content_type or "").partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise errors.NotAForm("the body is not application/x-www-form-urlencoded")
    try:
        fields = parse_qsl(
            body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict"
        )
    except ValueError as exc:
        raise errors.NotAForm("the body is not a form of a few fields") from exc
    tokens = [value for name, value in fields if name == "logout_token"]
    if len(tokens) != 1 or not tokens[0]:
        raise errors.TokenMissing("the body must have one logout_token")
    return tokens[0]


def _refusal(status: int, error: str, description: str, headers: dict[str, str] | None = None) -> Answer:
    body = json.dumps({"error": error, "error_description": description}).encode()
    return Answer(status=status, body=body, headers=headers or {})


def _try_again(description: str) -> Answer:
    return _refusal(503, "temporarily_unavailable", description, {"Retry-After": str(_RETRY_AFTER_SECONDS)})


def _write(receipt: Receipt) -> None:
    """Log a verdict with the identifiers that the token states, never the token itself."""
    fields: dict[str, object]
    match receipt.verdict:
        case Verdict.REFUSED:
            fields = {"code": receipt.code}
        case Verdict.UNDECIDED:
            fields = {"reason": receipt.description}
        case Verdict.ACCEPTED:
            fields = {"ended": receipt.ended}
    for name in ("iss", "sub", "sid", "jti"):
        if name in receipt.stated:
            fields[name] = repr(receipt.stated[name])[:_SHOWN_CHARACTERS]
    event = f"logout_token_{receipt.verdict}"
    level = logging.INFO if receipt.ended else logging.WARNING
    if receipt.verdict is Verdict.ACCEPTED and not receipt.ended:
        # A success (backchannel §2.7), but repeated entries suggest that the app does not store the sid.
        event = "logout_token_ended_nothing_known"
    shown = " ".join(f"{name}={value}" for name, value in fields.items())
    _log.log(level, "%s %s", event, shown, extra=fields)
