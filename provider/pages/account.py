"""The account page: where a person is signed in and with which apps, and what each sign-out would end."""

from dataclasses import dataclass
from datetime import datetime

from flask import Response
from werkzeug.wrappers import Response as AnyResponse

from provider.clients.models import Client
from provider.grants.models import Grant
from provider.logout.holdings import HeldSession, list_held_grants, list_held_sessions, own_first
from provider.logout.preview import Preview, preview_everywhere, preview_session
from provider.pages.parked import ask_to_sign_in
from provider.sessions.queries import FoundSession
from provider.web import csrf
from provider.web.current_session import current_session, note_use
from provider.web.layout import page

# More than that is nothing that anybody would end one by one.
MOST_ROWS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldApp:
    """What one app has of a person, in all browsers and beyond them."""

    client_id: str
    name: str
    # Whether it shares the session of this browser, and of how many others.
    here: bool
    elsewhere: int
    # How long it may act while the person is away.
    offline_until: datetime | None


def show() -> AnyResponse:
    """Show everything a person holds, with a button for each end of it."""
    found = current_session()
    if found is None:
        return ask_to_sign_in("account")
    note_use(found)
    sessions = list_held_sessions(found.account.id, limit=MOST_ROWS + 1)
    grants = list_held_grants(found.account.id, limit=MOST_ROWS + 1)
    preview = preview_session(found.session.id)
    return page(
        "account.html",
        account=found.account,
        own=found.session,
        sessions=own_first(sessions[:MOST_ROWS], found.session),
        apps=_apps(sessions, grants, preview, found),
        preview=preview,
        is_cut=len(sessions) > MOST_ROWS or len(grants) > MOST_ROWS,
        csrf=csrf.token_for(purpose(found)),
    )


def show_everywhere() -> AnyResponse:
    """Show what signing out everywhere would end, and ask a second time."""
    found = current_session()
    if found is None:
        return ask_to_sign_in("everywhere")
    note_use(found)
    return _everywhere_page(found)


def purpose(found: FoundSession) -> str:
    """Return what the forms of the account page are for: a form of one session is nothing in another."""
    return f"account {found.session.id}"


def everywhere_purpose(found: FoundSession) -> str:
    """Return what the second question is for; the first page's form cannot answer it."""
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


def _apps(
    sessions: list[HeldSession], grants: list[tuple[Grant, Client]], preview: Preview, found: FoundSession
) -> list[HeldApp]:
    """Return each app once, by name, whatever the number of its grants."""
    clients = {client.id: client for _grant, client in grants}
    clients |= {app.client.id: app.client for app in preview.apps}
    here = {app.client.id for app in preview.apps}
    others = [held for held in sessions if held.session.id != found.session.id]
    apps = [
        HeldApp(
            client_id=client.client_id,
            name=client.display_name,
            here=client.id in here,
            elsewhere=sum(any(app.id == client.id for app in held.apps) for held in others),
            offline_until=_offline_until(grants, client),
        )
        for client in clients.values()
    ]
    return sorted(apps, key=lambda app: app.name.casefold())


def _offline_until(grants: list[tuple[Grant, Client]], client: Client) -> datetime | None:
    ends = (grant.expires_at for grant, holder in grants if holder.id == client.id and grant.offline)
    return max(ends, default=None)
