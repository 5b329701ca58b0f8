"""The app's pages for people: its home page, and messages."""

from flask import Blueprint, abort, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from curfew_rp.notices import Notice
from relying_party_demo.api import turn
from relying_party_demo.local_sessions import LOCAL_ONLY
from relying_party_demo.relying_party import current_rp, current_session
from relying_party_demo.tokens_in_use import Outcome, call, refresh, userinfo

RECEIVED_SHOWN = 12
# The texts of the kit's pages, by their code: a title and a sentence.
WORDS = {
    "access_denied": (
        "You did not sign in",
        "You, or the sign-in service, said no. Nothing has changed here.",
    ),
    "login_required": (
        "You are not signed in yet",
        "The sign-in service would have to ask you for your password.",
    ),
    "consent_required": (
        "A permission is missing",
        "The sign-in service would have to ask for your permission.",
    ),
    "interaction_required": (
        "A question is open",
        "The sign-in service would have to ask you something first.",
    ),
    "account_selection_required": (
        "A question is open",
        "The sign-in service would have to ask you something first.",
    ),
    "state_mismatch": (
        "This sign-in cannot be finished here",
        "It was already used, took too long, or began in another browser. Starting again helps.",
    ),
    "ended_meanwhile": (
        "You were signed out in the meantime",
        "The sign-in service ended this sign-in before it was finished here.",
    ),
    "unavailable": (
        "The sign-in service is not available",
        "The sign-in service does not answer at the moment. Please try again in a little while.",
    ),
    "signed_out": (
        "You are signed out",
        "Here, and at the sign-in service. The service notifies your other apps.",
    ),
    "signed_in_again": (
        "That sign-out is done",
        "You have signed in again since, and that newer session goes on.",
    ),
    "confirm": ("Sign out?", "Another site has asked for this. Use the button on this app's page."),
}
OTHERWISE = (
    "The sign-in did not work",
    "The response of the sign-in service could not be accepted. Please try again.",
)

bp = Blueprint("home", __name__)


@bp.get("/")
def home() -> Response:
    """The person who is signed in, the possible actions, and what the provider sent to this app."""
    return render_home()


@bp.post("/try/userinfo")
def try_userinfo() -> Response:
    """Call userinfo and show the response on the page."""
    return render_home("Userinfo", userinfo(current_rp()))


@bp.post("/try/refresh")
def try_refresh() -> Response:
    """Redeem the refresh token and show the result."""
    return render_home("Refresh", refresh(current_rp()))


@bp.post("/try/api/<name>")
def try_api(name: str) -> Response:
    """Call one of the APIs of this app and show the response on the page."""
    address = dict(current_rp().config.apis).get(name)
    if address is None:
        abort(404)
    return render_home(name.capitalize(), call(current_rp(), address))


@bp.post("/behaviour")
def behaviour() -> Response:
    """Turn the switch from the page."""
    if not turn(current_rp(), request.form.get("mode"), request.form.get("seconds") or 0):
        return message("The switch has no such position", "Choose one of those on the page.", status=400)
    return redirect(url_for("home.home"), code=303)


def render_home(tried: str | None = None, outcome: Outcome | None = None) -> Response:
    """Return the one page of this app."""
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
    )
    return make_response(page)


def notice(shown: Notice) -> Response:
    """Return a page of the kit in the style of this app; record a refused sign-in in the journal."""
    rp = current_rp()
    code = "signed_in_again" if shown.code == "signed_out" and rp.curfew.user else shown.code
    title, sentence = WORDS.get(code, OTHERWISE)
    if shown.status != 400:
        return message(title, sentence, status=shown.status)
    rp.journal.record("rp_sign_in_refused", error=code[:100])
    return message(title, sentence, status=400, detail=f"{code}: {shown.text}")


def message(title: str, sentence: str, *, status: int = 200, detail: str | None = None) -> Response:
    """Return a page with one message and a link to continue."""
    return make_response(
        render_template("message.html", title=title, sentence=sentence, detail=detail), status
    )
