"""Signing out: everywhere the provider knows of (rpinitiated §2), or at this app alone."""

import time
from typing import Any

from flask import Blueprint, redirect, request, session, url_for
from werkzeug.wrappers import Response

from relying_party_demo.local_sessions import LOCAL_ONLY
from relying_party_demo.pages import message
from relying_party_demo.relying_party import current_rp, current_session, end_locally, live_session

# A person may have several tabs with a sign-out under way, but not dozens.
PENDING_LIMIT = 5

bp = Blueprint("sign_out", __name__)


@bp.post("/logout")
def logout() -> Response:
    """Send the browser to the end_session_endpoint; nothing ends here before the provider says so."""
    rp = current_rp()
    signed_in = live_session()
    result = rp.client.create_logout_url(
        post_logout_redirect_uri=rp.config.post_logout_redirect_uri,
        id_token_hint=signed_in.id_token if signed_in else None,
        client_id=rp.config.client_id,
    )
    remember(result["state"], signed_in.id if signed_in else None)
    return redirect(result["url"], code=303)


@bp.get("/signed-out")
def signed_out() -> Response:
    """The way back: end the session that the state belongs to, if no Logout Token has done it."""
    begun = take(request.args.get("state", ""))
    if begun is None:
        return message(
            "Nothing was changed here",
            "This page belongs to a sign-out that this browser did not start, or that is long over.",
            status=400,
        )
    signed_in = current_session()
    if signed_in and signed_in.id == begun["session"]:
        end_locally(signed_in, "signed out at the provider")
    if live_session():
        return message(
            "That sign-out is done", "You have signed in again since, and that newer session goes on."
        )
    return message(
        "You are signed out", "Here, and at the sign-in service. The service notifies your other apps."
    )


@bp.post("/logout/local")
def logout_local() -> Response:
    """End the session of this app alone; the provider's goes on, so the next sign-in may need no password."""
    if signed_in := live_session():
        end_locally(signed_in, LOCAL_ONLY)
    return redirect(url_for("home.home"), code=303)


def remember(state: str, session_id: int | None) -> None:
    """Keep in the browser's signed cookie which session a sign-out is about."""
    pending: dict[str, Any] = session.get("sign_outs", {})
    pending[state] = {"session": session_id, "at": time.time()}
    newest = sorted(pending, key=lambda key: -pending[key]["at"])[:PENDING_LIMIT]
    session["sign_outs"] = {key: pending[key] for key in newest}


def take(state: str) -> dict[str, Any] | None:
    """Find the sign-out that a state belongs to; each state counts once."""
    pending = dict(session.get("sign_outs", {}))
    found: dict[str, Any] | None = pending.pop(state, None)
    session["sign_outs"] = pending
    return found
