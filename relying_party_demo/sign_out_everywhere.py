"""Signing out everywhere from this app: the provider's account API, called with the person's own token.

The third kind of sign-out, beside those of `sign_out.py`: every browser and device, every app. It needs the
scope `account`, and nothing ends here before the provider has said yes.
"""

from http import HTTPStatus

import requests
from flask import Blueprint, redirect, render_template, url_for
from werkzeug.wrappers import Response

from relying_party_demo.local_sessions import LocalSession, may_sign_out_everywhere
from relying_party_demo.pages import message
from relying_party_demo.relying_party import RelyingParty, current_rp, end_locally, live_session
from relying_party_demo.tokens_in_use import readable

PATH = "/account/sign-out-everywhere"
DEAD_SESSION = 9002

bp = Blueprint("sign_out_everywhere", __name__)


@bp.get("/logout/everywhere")
def ask() -> Response:
    """Ask first: it cannot be undone."""
    if not may_sign_out_everywhere(live_session()):
        return redirect(url_for("home.home"), code=303)
    return Response(render_template("everywhere.html"))


@bp.post("/logout/everywhere")
def sign_out_everywhere() -> Response:
    """Have the provider end everything, and then this session."""
    session = live_session()
    if session is None or not may_sign_out_everywhere(session):
        return redirect(url_for("home.home"), code=303)
    answer = end_everything(current_rp(), session)
    told = readable(answer)
    if answer.status_code != HTTPStatus.OK:
        return refused(answer.status_code, told.get("code"), str(told.get("error_description", "")))
    end_locally(session, "signed out everywhere")
    apps = len(told.get("apps_to_notify", ()))
    return message(
        "You are signed out everywhere",
        f"In every browser and on every device; {apps} {'app is' if apps == 1 else 'apps are'} notified.",
    )


def end_everything(rp: RelyingParty, session: LocalSession) -> requests.Response:
    """Send the access token, or the refresh token once that has run out (account API)."""
    url = rp.config.issuer.rstrip("/") + PATH
    bearer = {"access_token": session.access_token, "token_type": "Bearer"}
    answer: requests.Response = rp.client.post(url, token=bearer)
    if answer.status_code != HTTPStatus.UNAUTHORIZED or session.refresh_token is None:
        return answer
    form = {"refresh_token": session.refresh_token}
    credentials = (rp.config.client_id, rp.config.client_secret)
    again: requests.Response = rp.client.post(url, data=form, auth=credentials, withhold_token=True)
    return again


def refused(status: int, code: object, why: str) -> Response:
    """Say that nothing has ended; the person may still sign out here only."""
    if code == DEAD_SESSION:
        return message(
            "Invalid or expired session",
            "Nothing was changed. Sign in again to sign out everywhere, or sign out here only.",
            status=status,
            detail=f"{code}: {why}",
        )
    return message(
        "Not signed out",
        "Nothing was changed. You can try again, or sign out here only.",
        status=status,
        detail=f"{code}: {why}",
    )
