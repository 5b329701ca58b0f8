"""The account page: where a person is signed in and with which apps, and what each sign-out would end."""

from flask import Response, request
from werkzeug.wrappers import Response as AnyResponse

from provider.holdings.queries import own_first
from provider.logout.preview import preview_everywhere, preview_session
from provider.pages import logo
from provider.pages.account_lists import Places, part_of_apps, part_of_sessions
from provider.pages.parked import ask_to_sign_in
from provider.sessions.queries import FoundSession
from provider.web import csrf
from provider.web.current_session import current_session, note_use
from provider.web.layout import page
from provider.web.parameters import read_parameters
from provider.web.route import Route


def show() -> AnyResponse:
    """Show the person's sessions and grants, with a button to end each."""
    found = current_session()
    if found is None:
        return ask_to_sign_in("account")
    note_use(found)
    places = Places.read(read_parameters(request))
    preview = preview_session(found.session.id)
    return page(
        "account.html",
        account=found.account,
        own=found.session,
        sessions=part_of_sessions(found, preview, places),
        apps=part_of_apps(found, preview, places),
        logo_of=logo.path_of,
        here={app.client.id for app in preview.apps},
        preview=preview,
        csrf=csrf.token_for(purpose(found)),
    )


def show_everywhere() -> AnyResponse:
    """Show what signing out everywhere would end, and ask for confirmation."""
    found = current_session()
    if found is None:
        return ask_to_sign_in("everywhere")
    note_use(found)
    return _everywhere_page(found)


def purpose(found: FoundSession) -> str:
    """Return the CSRF purpose of the account page's forms: a form of one session is not valid in another."""
    return f"account {found.session.id}"


def everywhere_purpose(found: FoundSession) -> str:
    """Return the CSRF purpose of the second question; the first page's form cannot answer it."""
    return f"account everywhere {found.session.id}"


def _everywhere_page(found: FoundSession) -> Response:
    preview = preview_everywhere(found.account.id)
    return page(
        "account_everywhere.html",
        account=found.account,
        own=found.session,
        preview=preview,
        sessions=own_first(preview.sessions, found.session),
        csrf=csrf.token_for(everywhere_purpose(found)),
    )


ROUTES = (
    Route(rule="/account", name="account", view=show),
    Route(rule="/account/everywhere", name="account_everywhere", view=show_everywhere),
)
