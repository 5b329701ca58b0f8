"""POST /backchannel-logout: the provider tells us directly that a session is over (backchannel §2.5–2.8).

The token is the only proof, so there is neither cookie nor CSRF check here.
"""

import sys

from flask import Blueprint, Response, jsonify, request

from curfew_rp.errors import InvalidLogoutRequest, TokenReplayed
from curfew_rp.logout_token import TOKEN_SIZE_LIMIT, Expectations, LogoutClaims, validate
from curfew_rp.receiver import BODY_SIZE_LIMIT, read_token
from curfew_rp.signed_token import unverified_claims
from curfew_rp.strict_json import is_numeric_date
from relying_party_demo import clock
from relying_party_demo.openid_provider import ProviderUnreachable
from relying_party_demo.relying_party import RelyingParty, current_rp, tell_ended

LEEWAY_SECONDS = 60
# backchannel §4 recommends two minutes at most; five leave room for providers that are a little generous.
LONGEST_LIFE_SECONDS = 300
SHOWN_CHARACTERS = 120
MAX_LATENCY_SECONDS = 7 * 24 * 3600

bp = Blueprint("backchannel", __name__)


@bp.post("/backchannel-logout")
def backchannel_logout() -> Response:
    """Read, validate, end the sessions, answer; 503 when it cannot be told whether the token is good."""
    rp = current_rp()
    token = ""
    arrived_at = clock.now().timestamp()
    try:
        token = read_token(request.content_type, read_body())
        mode = rp.behaviour.mode
        if not rp.behaviour.lets_answer():
            tell(rp, token, arrived_at, "ignored", description=f"the switch of this app was on {mode}")
            return answer(503, "temporarily_unavailable", "this app was told to fail")
        claims = validate(token, expectations(rp))
        ended = accept(rp, claims)
    except InvalidLogoutRequest as exc:
        tell(rp, token, arrived_at, "rejected", step=exc.code, description=exc.description)
        return answer(400, "invalid_request", str(exc))
    except ProviderUnreachable as exc:
        tell(rp, token, arrived_at, "cannot tell", description=str(exc))
        return answer(503, "temporarily_unavailable", str(exc))
    tell(rp, token, arrived_at, "accepted", sessions_ended=ended)
    return answer(200)


def read_body() -> bytes:
    """Read as much of the body as is needed to see that it is too large."""
    # The app's own limit would answer 413 before.
    request.max_content_length = sys.maxsize
    return request.stream.read(BODY_SIZE_LIMIT + 1)


def expectations(rp: RelyingParty) -> Expectations:
    """What this app compares a Logout Token with, now."""
    issuer = rp.config.issuer

    def is_other_subject(sub: str, sid: str) -> bool:
        session = rp.sessions.find_by_sid(issuer, sid)
        return session is not None and session.sub != sub

    return Expectations(
        issuer=issuer,
        client_id=rp.config.client_id,
        algorithms=frozenset({rp.config.id_token_signed_response_alg}),
        now=clock.now().timestamp(),
        leeway=LEEWAY_SECONDS,
        longest_life=LONGEST_LIFE_SECONDS,
        requires_typ=False,
        find_keys=rp.provider.find_keys,
        is_used=lambda jti: rp.heard.has_heard(issuer, jti),
        is_other_subject=is_other_subject,
    )


def accept(rp: RelyingParty, claims: LogoutClaims) -> int:
    """Remember the token and end what it names, in one transaction: either both happened or neither."""
    refused_from = clock.from_timestamp(claims.exp + LEEWAY_SECONDS)
    with rp.database.transaction():
        if not rp.heard.remember(claims.iss, claims.jti, claims.sid, refused_from):
            raise TokenReplayed("a token with this jti was accepted before")
        ended = rp.sessions.end_by_logout(claims.iss, claims.sub, claims.sid, "ended by a Logout Token")
    tell_ended(ended)
    return len(ended)


def tell(rp: RelyingParty, token: str, arrived_at: float, verdict: str, **details: object) -> None:
    """Write down a token that arrived: its identifiers and the verdict, never the token."""
    said = unverified_claims(token, TOKEN_SIZE_LIMIT)
    shown = {
        name: str(said[name])[:SHOWN_CHARACTERS] for name in ("iss", "sid", "sub", "jti") if name in said
    }
    rp.journal.record(
        "rp_logout_token", verdict=verdict, **details, **shown, latency_seconds=latency(said, arrived_at)
    )


def latency(said: dict[str, object], arrived_at: float) -> float | None:
    """Seconds from iat to arrival, if the token has a believable iat; iat knows whole seconds only."""
    iat = said.get("iat")
    if not is_numeric_date(iat) or not abs(arrived_at - iat) < MAX_LATENCY_SECONDS:
        return None
    return round(max(arrived_at - iat, 0.0), 1)


def answer(status: int, error: str | None = None, error_description: str | None = None) -> Response:
    """backchannel §2.8: 200 or an error with a JSON body, in no case cached."""
    body = jsonify(error=error, error_description=error_description) if error else Response()
    body.status_code = status
    body.headers["Cache-Control"] = "no-store"
    return body
