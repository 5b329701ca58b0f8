"""Error pages: what happened, what the person can do, and a reference for support."""

from flask import Response

from provider.infrastructure import event_log
from provider.web.i18n import gettext as _
from provider.web.layout import page


def error_page(status: int, error: str, description: str = "") -> Response:
    """Return an error page; code and description are for the app's developer."""
    heading, advice = _in_words(status)
    return page(
        "error.html",
        status,
        heading=heading,
        advice=advice,
        error=error,
        description=description,
        reference=event_log.correlation_id(),
    )


def _in_words(status: int) -> tuple[str, str]:
    """Return what happened and what to do about it."""
    match status:
        case 403:
            return _("Please try that again"), _(
                "This form did not come from a page that is open in this browser. Go back, reload the page "
                "and submit it again."
            )
        case 404:
            return _("This page does not exist"), _("Check the address, or go back to the app you came from.")
        case 405:
            return _("This address cannot be opened this way"), _("Go back to the app you came from.")
        case 408:
            return _("Your request took too long to arrive"), _(
                "Check your connection, go back and send it again."
            )
        case 410:
            return _("This page has been used or has expired"), _(
                "Go back to the app and start again. Nothing has been changed."
            )
        case 413:
            return _("Your request is too large"), _("Go back and send less at once.")
        case 429:
            return _("Too many attempts"), _("Wait a few minutes, then try again.")
        case 503:
            return _("The service is temporarily unavailable"), _("Wait a moment, then reload this page.")
        case _ if status >= 500:
            return _("Something went wrong on our side"), _(
                "Try again in a moment. If it happens again, give support the reference below."
            )
        case _:
            return _("This request cannot be completed"), _(
                "The app that sent you here asked for something that is not supported. Go back and try "
                "again; if it happens again, contact the people who run the app."
            )
