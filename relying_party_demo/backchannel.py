"""POST /backchannel-logout: the provider tells us directly that a session is over (backchannel §2.5–2.8).

The token is the only proof, so there is neither cookie nor CSRF check here.
"""

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import RequestEntityTooLarge

from relying_party_demo import clock, logout_token
from relying_party_demo.logout_token import Expectations, InvalidLogoutToken, LogoutClaims
from relying_party_demo.openid_provider import ProviderUnreachable
from relying_party_demo.relying_party import RelyingParty, current_rp, tell_ended
from relying_party_demo.strict_json import is_numeric_date

BODY_SIZE_LIMIT = 16 * 1024
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
        token = read_token()
        mode = rp.behaviour.mode
        if not rp.behaviour.lets_answer():
            tell(rp, token, arrived_at, "ignored", description=f"the switch of this app was on {mode}")
            return answer(503, "temporarily_unavailable", "this app was told to fail")
        claims = logout_token.validate(token, expectations(rp))
        ended = accept(rp, claims)
    except InvalidLogoutToken as exc:
        tell(rp, token, arrived_at, "rejected", step=exc.step, description=exc.description)
        return answer(400, "invalid_request", str(exc))
    except ProviderUnreachable as exc:
        tell(rp, token, arrived_at, "cannot tell", description=str(exc))
        return answer(503, "temporarily_unavailable", str(exc))
    tell(rp, token, arrived_at, "accepted", sessions_ended=ended)
    return answer(200)


def read_token() -> str:
    """Take exactly one logout_token out of a form body of reasonable size."""
    request.max_content_length = BODY_SIZE_LIMIT
    try:
        tokens = request.form.getlist("logout_token")
    except RequestEntityTooLarge as exc:
        raise InvalidLogoutToken("size_is_bearable", "the request body is too large") from exc
    if request.mimetype != "application/x-www-form-urlencoded":
        raise InvalidLogoutToken("request_is_a_form", "the body is not application/x-www-form-urlencoded")
    if len(tokens) != 1 or not tokens[0]:
        raise InvalidLogoutToken("logout_token_is_there_once", "the body must have one logout_token")
    return tokens[0]


def expectations(rp: RelyingParty) -> Expectations:
    """What this app holds a Logout Token against, now."""

    def find_sub_of_sid(iss: str, sid: str) -> str | None:
        session = rp.sessions.find_by_sid(iss, sid)
        return session.sub if session else None

    return Expectations(
        issuer=rp.config.issuer,
        client_id=rp.config.client_id,
        alg=rp.config.id_token_signed_response_alg,
        now=clock.now().timestamp(),
        find_keys=rp.provider.find_keys,
        has_heard=rp.heard.has_heard,
        find_sub_of_sid=find_sub_of_sid,
    )


def accept(rp: RelyingParty, claims: LogoutClaims) -> int:
    """Remember the token and end what it names, in one transaction: either both happened or neither."""
    refused_from = clock.from_timestamp(claims["exp"] + logout_token.LEEWAY_SECONDS)
    with rp.database.transaction():
        if not rp.heard.remember(claims["iss"], claims["jti"], claims.get("sid"), refused_from):
            raise InvalidLogoutToken("jti_is_new", "a token with this jti was accepted before")
        ended = rp.sessions.end_by_logout(
            claims["iss"], claims.get("sub"), claims.get("sid"), "ended by a Logout Token"
        )
    tell_ended(ended)
    return len(ended)


def tell(rp: RelyingParty, token: str, arrived_at: float, verdict: str, **details: object) -> None:
    """Write down a token that arrived: its identifiers and the verdict, never the token."""
    said = logout_token.unverified_claims(token)
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
