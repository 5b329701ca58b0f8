"""The app for people: its own page, and a message with a way on."""

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from relying_party_demo.api import turn
from relying_party_demo.local_sessions import LOCAL_ONLY, may_sign_out_everywhere
from relying_party_demo.relying_party import current_rp, current_session
from relying_party_demo.tokens_in_use import Outcome, refresh, userinfo

RECEIVED_SHOWN = 12

bp = Blueprint("home", __name__)


@bp.get("/")
def home() -> Response:
    """Who is signed in, what can be done, and what the provider told this app."""
    return render_home()


@bp.post("/try/userinfo")
def try_userinfo() -> Response:
    """Call userinfo and show the answer on the page."""
    return render_home("Userinfo", userinfo(current_rp()))


@bp.post("/try/refresh")
def try_refresh() -> Response:
    """Redeem the refresh token and show what came of it."""
    return render_home("Refresh", refresh(current_rp()))


@bp.post("/behaviour")
def behaviour() -> Response:
    """Turn the switch from the page."""
    if not turn(current_rp(), request.form.get("mode"), request.form.get("seconds") or 0):
        return message("The switch has no such position", "Choose one of those on the page.", status=400)
    return redirect(url_for("home.home"), code=303)


def render_home(tried: str | None = None, outcome: Outcome | None = None) -> Response:
    """The one page of this app."""
    rp = current_rp()
    entries = rp.journal.list_newest()
    received = [entry for entry in entries if entry.event == "rp_logout_token"][:RECEIVED_SHOWN]
    page = render_template(
        "home.html",
        session=current_session(),
        received=received,
        behaviour=rp.behaviour,
        revision=rp.journal.revision(),
        tried=tried,
        outcome=outcome,
        local_only=LOCAL_ONLY,
        may_sign_out_everywhere=may_sign_out_everywhere(current_session()),
    )
    return make_response(page)


def message(title: str, sentence: str, *, status: int = 200, detail: str | None = None) -> Response:
    """A page that says one thing and offers a way on."""
    return make_response(
        render_template("message.html", title=title, sentence=sentence, detail=detail), status
    )
