"""Responses to a browser whose session has ended, for every page and endpoint that ends one."""

from flask import url_for
from werkzeug.wrappers import Response

from provider.infrastructure import current
from provider.logout.notification.budget import await_first_attempts
from provider.logout.steps import LogoutOutcome
from provider.web import cookies
from provider.web.frontchannel import via_front_channel
from provider.web.redirects import redirect

# Only this origin's storage: "cookies" would clear those of every host of the same registrable domain, and
# sign people out of apps that we did not notify. Not "cache" either: personal pages are `no-store`, and a
# browser would search its whole cache, of all sites, for our entries.
CLEAR_SITE_DATA = '"storage"'


def result_handle_of(handle: str) -> str:
    """Return the handle of the result page for a cookie or ticket; a repeated request gets the same."""
    return current.secret_box().lasting_token("logout-result", handle)


def result_page_of(result_handle: str) -> str:
    """Return the path of the page that shows the result of a logout."""
    return url_for("endpoints.show_session_ended", handle=result_handle)


def redirect_after_logout(outcome: LogoutOutcome, target: str) -> Response:
    """Delete the cookie, wait briefly for the apps to confirm, then redirect to one of our pages."""
    cookies.forget_session()
    await_first_attempts(outcome)
    # RFC 9700 §4.12: always 303, never a status that would post the form again.
    return cleared(redirect(via_front_channel(outcome, target)))


def cleared(response: Response) -> Response:
    """Have the browser delete the stored data of this origin."""
    response.headers["Clear-Site-Data"] = CLEAR_SITE_DATA
    return response
