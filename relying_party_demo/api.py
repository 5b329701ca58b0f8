"""The app's API for programs: the session of a browser's cookie as JSON, and the switch."""

import math
from typing import Any

from flask import Blueprint, Response, abort, jsonify, request

from relying_party_demo.behaviour import Mode
from relying_party_demo.journal import Entry
from relying_party_demo.local_sessions import LocalSession
from relying_party_demo.relying_party import RelyingParty, current_rp, current_session
from relying_party_demo.tokens_in_use import Outcome, refresh, userinfo

bp = Blueprint("api", __name__, url_prefix="/api")


@bp.get("/state")
def state() -> Response:
    """The person who is signed in with this cookie, or how the session ended."""
    rp = current_rp()
    return jsonify(
        {
            "rp": rp.config.name,
            **state_of(current_session()),
            "behaviour": {"mode": rp.behaviour.mode, "seconds": rp.behaviour.seconds},
            "revision": rp.journal.revision(),
        }
    )


def state_of(session: LocalSession | None) -> dict[str, Any]:
    """The session as a program sees it, without its tokens."""
    if session is None:
        return {"signed_in": False, "has_refresh_token": False}
    return {
        "signed_in": session.is_live,
        "sub": session.sub,
        "sid": session.sid,
        "name": session.name,
        "email": session.email,
        "scope": session.scope,
        "signed_in_at": session.signed_in_at.isoformat(),
        "has_refresh_token": session.refresh_token is not None,
        "ended_at": session.ended_at.isoformat() if session.ended_at else None,
        "end_reason": session.end_reason,
    }


@bp.get("/tokens")
def tokens() -> Response:
    """The tokens of this cookie's session and the kept offline ones.

    A real app must never do this. This is a demonstration whose owner may look at their own tokens, to try
    them by hand after a sign-out; it has to be started with --expose-tokens.
    """
    rp = current_rp()
    if not rp.config.expose_tokens:
        abort(404)
    session = current_session()
    user = rp.curfew.user
    kept = rp.sessions.list_kept_offline(session.iss, session.sub) if session else []
    return jsonify(
        session=tokens_of(session, user.id_token if user else None), offline=[tokens_of(one) for one in kept]
    )


def tokens_of(session: LocalSession | None, id_token: str | None = None) -> dict[str, Any] | None:
    """The tokens that one session still has."""
    if session is None:
        return None
    return {
        "sid": session.sid,
        "signed_in": session.is_live,
        "access_token": session.access_token,
        "refresh_token": session.refresh_token,
        "id_token": id_token,
    }


@bp.post("/refresh")
def refresh_tokens() -> tuple[Response, int]:
    """Redeem the refresh token; the response has the status of the provider's response."""
    outcome = refresh(current_rp())
    return jsonify(ok=outcome.is_ok, status=outcome.status, **outcome.body), outcome.status


@bp.get("/userinfo")
def call_userinfo() -> Response:
    """Call the provider's userinfo endpoint and return its status and body, whatever they are."""
    outcome: Outcome = userinfo(current_rp())
    return jsonify(status=outcome.status, body=outcome.body)


@bp.get("/events")
def events() -> Response:
    """The recent events of this app, newest first."""
    return jsonify(events=[event_of(entry) for entry in current_rp().journal.list_newest()])


def event_of(entry: Entry) -> dict[str, Any]:
    """One entry as a program sees it."""
    return {"id": entry.id, "at": entry.at.isoformat(), "event": entry.event, **entry.details}


@bp.post("/behaviour")
def behaviour() -> tuple[Response, int]:
    """Turn the switch."""
    body = request.get_json(silent=True)
    if not isinstance(body, dict) or not turn(current_rp(), body.get("mode"), body.get("seconds", 0)):
        modes = ", ".join(Mode)
        return jsonify(
            error="invalid_request", error_description=f"mode is one of {modes}; seconds a number"
        ), 400
    now = current_rp().behaviour
    return jsonify(mode=now.mode, seconds=now.seconds), 200


def turn(rp: RelyingParty, mode: object, seconds: object) -> bool:
    """Turn the switch to an existing position; False if there is no such position."""
    if mode not in list(Mode) or isinstance(seconds, bool):
        return False
    try:
        wait = float(str(seconds))
    except ValueError:
        return False
    if not math.isfinite(wait):
        return False
    rp.behaviour.turn(Mode(str(mode)), wait)
    rp.journal.record("rp_behaviour_changed", mode=rp.behaviour.mode, seconds=rp.behaviour.seconds)
    return True
