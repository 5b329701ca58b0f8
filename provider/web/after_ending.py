"""How a browser is answered when its session has ended, whichever page or endpoint ended it."""

from flask import redirect, url_for
from werkzeug.wrappers import Response

from provider.infrastructure import current
from provider.logout.ending import LogoutOutcome
from provider.logout.notification.budget import await_first_attempts
from provider.web import cookies
from provider.web.frontchannel import by_way_of_frames

# Only what belongs to this very origin: the word "cookies" would clear those of every neighbouring
# host of the same registrable domain, and so sign people out of apps that we did not notify. Not "cache":
# personal pages are `no-store`, and a browser searches its whole cache, of all sites, for what is ours.
CLEAR_SITE_DATA = '"storage"'


def result_handle_of(handle: str) -> str:
    """Return the address of the result that a cookie's or ticket's sign-out has; a repeat gets the same."""
    return current.secret_box().lasting_token("logout-result", handle)


def result_page_of(result_handle: str) -> str:
    """Return the address of the page that shows what became of an ending."""
    return url_for("endpoints.show_session_ended", handle=result_handle)


def lead_on(outcome: LogoutOutcome, target: str) -> Response:
    """Forget the cookie, give the apps their moment, then lead on to one of our pages."""
    cookies.forget_session()
    await_first_attempts(outcome)
    # RFC 9700 §4.12: always 303, never a status that would post the form again.
    return cleared(redirect(by_way_of_frames(outcome, target), 303))


def cleared(response: Response) -> Response:
    """Have the browser drop what this origin has stored in it."""
    response.headers["Clear-Site-Data"] = CLEAR_SITE_DATA
    return response
