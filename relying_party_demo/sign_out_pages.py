"""Two of the three sign-outs: at this app only, and everywhere, through the provider's account API.

The third, at the provider for this browser, is the kit's `/logout`. Signing out everywhere needs the scope
`account`, and nothing ends here before the provider has confirmed.
"""

from http import HTTPStatus

import requests
from flask import Blueprint, make_response, redirect, render_template, url_for
from werkzeug.wrappers import Response

from relying_party_demo.local_sessions import LOCAL_ONLY, LocalSession
from relying_party_demo.pages import message
from relying_party_demo.relying_party import RelyingParty, current_rp, current_session, sign_out
from relying_party_demo.tokens_in_use import readable

PATH = "/account/sign-out-everywhere"
SESSION_ENDED = 9002

bp = Blueprint("sign_out", __name__)


@bp.post("/logout/local")
def logout_local() -> Response:
    """End this app's session only; the provider's continues, so the next sign-in may need no password."""
    sign_out(LOCAL_ONLY)
    return redirect(url_for("home.home"), code=303)


@bp.get("/logout/everywhere")
def ask() -> Response:
    """Ask first, because it cannot be undone."""
    session = current_session()
    if session is None or not session.may_sign_out_everywhere:
        return redirect(url_for("home.home"), code=303)
    return make_response(render_template("everywhere.html"))


@bp.post("/logout/everywhere")
def sign_out_everywhere() -> Response:
    """Let the provider end everything, then end this session."""
    session = current_session()
    if session is None or not session.may_sign_out_everywhere:
        return redirect(url_for("home.home"), code=303)
    response = end_everything(current_rp(), session)
    document = readable(response)
    if response.status_code != HTTPStatus.OK:
        return refused(response.status_code, document.get("code"), str(document.get("error_description", "")))
    sign_out("signed out everywhere")
    apps = len(document.get("apps_to_notify", ()))
    return message(
        "You are signed out everywhere",
        f"In every browser and on every device; {apps} {'app is' if apps == 1 else 'apps are'} notified.",
    )


def end_everything(rp: RelyingParty, session: LocalSession) -> requests.Response:
    """Send the access token, or the refresh token if the access token is refused (account API)."""
    url = rp.config.issuer.rstrip("/") + PATH
    client = rp.curfew.client
    bearer = {"access_token": session.access_token, "token_type": "Bearer"}
    response: requests.Response = client.post(url, token=bearer)
    if response.status_code != HTTPStatus.UNAUTHORIZED or session.refresh_token is None:
        return response
    form = {"refresh_token": session.refresh_token}
    credentials = (rp.config.client_id, rp.config.client_secret)
    again: requests.Response = client.post(url, data=form, auth=credentials, withhold_token=True)
    return again


def refused(status: int, code: object, why: str) -> Response:
    """Say that nothing has ended; the person may still sign out here only."""
    title, sentence = "Not signed out", "Nothing was changed. You can try again, or sign out here only."
    if code == SESSION_ENDED:
        title = "Invalid or expired session"
        sentence = "Nothing was changed. Sign in again to sign out everywhere, or sign out here only."
    return message(title, sentence, status=status, detail=f"{code}: {why}")
