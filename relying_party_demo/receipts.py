"""Incoming Logout Tokens: the switch for demonstrations, and a journal entry for each.

The kit receives them; the token itself is never stored.
"""

from http import HTTPStatus
from typing import Any

from flask import g, jsonify, request
from flask.typing import ResponseReturnValue

from curfew_rp.errors import InvalidLogoutRequest
from curfew_rp.logout_token import TOKEN_SIZE_LIMIT
from curfew_rp.receiver import BODY_SIZE_LIMIT, Receipt, Verdict, read_token
from curfew_rp.signed_token import unverified_claims
from curfew_rp.strict_json import is_numeric_date
from relying_party_demo import clock
from relying_party_demo.relying_party import current_rp

SHOWN_CHARACTERS = 120
MAX_LATENCY_SECONDS = 7 * 24 * 3600
VERDICTS = {Verdict.REFUSED: "rejected", Verdict.UNDECIDED: "cannot tell"}


def behave() -> ResponseReturnValue | None:
    """Run before each request: make the receiver wait or fail, as the switch demands."""
    if request.endpoint != "curfew_rp.receive" or request.method != "POST":
        return None
    g.arrived_at = clock.now().timestamp()
    behaviour = current_rp().behaviour
    mode = behaviour.mode
    if behaviour.lets_answer():
        return None
    _write(_stated(), "ignored", description=f"the switch of this app was on {mode}")
    response = jsonify(error="temporarily_unavailable", error_description="this app was asked to fail")
    return response, HTTPStatus.SERVICE_UNAVAILABLE


def record(receipt: Receipt) -> None:
    """Write a token's verdict into the journal."""
    if receipt.verdict is Verdict.ACCEPTED:
        _write(receipt.stated, "accepted", sessions_ended=receipt.ended)
    else:
        step = {"step": receipt.code} if receipt.code else {}
        _write(receipt.stated, VERDICTS[receipt.verdict], **step, description=receipt.description)


def _stated() -> dict[str, Any]:
    try:
        token = read_token(request.content_type, request.stream.read(BODY_SIZE_LIMIT + 1))
    except InvalidLogoutRequest:
        return {}
    return unverified_claims(token, TOKEN_SIZE_LIMIT)


def _write(stated: Any, verdict: str, **details: object) -> None:
    shown = {
        name: str(stated[name])[:SHOWN_CHARACTERS] for name in ("iss", "sid", "sub", "jti") if name in stated
    }
    latency = latency_of(stated.get("iat"), g.arrived_at)
    current_rp().journal.record(
        "rp_logout_token", verdict=verdict, **details, **shown, latency_seconds=latency
    )


def latency_of(iat: object, arrived_at: float) -> float | None:
    """Return the seconds from iat to arrival, if iat is plausible; iat has whole seconds only."""
    if not is_numeric_date(iat) or not abs(arrived_at - iat) < MAX_LATENCY_SECONDS:
        return None
    return round(max(arrived_at - iat, 0.0), 1)
