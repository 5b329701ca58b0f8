"""People: the search, and one person with everything that is live or ended lately."""

from typing import Any
from uuid import UUID

from flask import request, url_for
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from provider.accounts import queries as accounts
from provider.accounts.models import Account
from provider.console.guarded import page_route
from provider.console.layout import console_page
from provider.console.listing import ROWS, Asked, Listing, listing, place
from provider.console.logouts import REASONS
from provider.holdings.queries import HeldSession, list_held_grants, list_held_sessions
from provider.infrastructure.database import reading
from provider.logout.detail import Filter, count_notifications, list_logouts
from provider.tokens import service

_LATEST = 10
# The result of the previous page's action, as a sentence.
SENTENCES = {
    "sessions": "The sessions have ended. Their tokens are refused, and their apps are being notified.",
    "everywhere": "Every session and grant has ended, and the apps are being notified.",
    "grant": "The grant is revoked. The app is refused from now on.",
    "disabled": "The account is disabled and signed out everywhere.",
    "role": "The role is changed. It holds on the person's next request.",
    "enabled": "The account is enabled again. What ended stays ended.",
    "deleted": "The account is deleted and signed out everywhere. Identifiers stay in logouts and the audit.",
    "nothing": "Nothing was changed: it had ended, or was so, already.",
}


def show_list() -> Response:
    """Show people by user name."""
    asked = Asked.read("q")
    with reading():
        after = accounts.find(last) if (last := place()) else None
        found = accounts.list_by_name(asked.get("q") or "", after=after, limit=ROWS + 1)
        exact = _exact(asked.get("q") or "") if place() is None else []
    shown = found[:ROWS]
    return console_page(
        "console/people.html",
        "console.people",
        asked=asked,
        exact=exact,
        done=SENTENCES.get(request.args.get("done", "")),
        listing=listing(found, shown[-1].id if shown else None, "console.people", asked.values, ROWS),
    )


def _exact(text: str) -> list[Account]:
    """Return the people with this e-mail address or identifier."""
    if "@" in text:
        return accounts.search(accounts.Filter(email=text), limit=ROWS)
    found = _by_identifier(text)
    return [found] if found else []


def _by_identifier(text: str) -> Account | None:
    """Return the person with this identifier, in any form that logs and the audit use."""
    try:
        found = accounts.find(UUID(text))
    except ValueError:
        return accounts.find_by_sub(text)
    return found if found and found.deleted_at is None else None


def show(account_id: UUID) -> Response:
    """Show a person."""
    with reading():
        account = get(account_id)
        grants = list_held_grants(account.id, limit=ROWS)
        logouts = list_logouts(Filter(account_id=account.id), _LATEST)
        context: dict[str, Any] = {
            "sessions": _sessions(account),
            "offline": [(grant, client) for grant, client in grants if grant.offline],
            "acting": service.list_acting_for(account.id, limit=ROWS),
            "logouts": logouts,
            "states": count_notifications([one.id for one, _ in logouts]),
        }
    return console_page(
        "console/person.html",
        "console.people",
        account=account,
        reasons=REASONS,
        done=SENTENCES.get(request.args.get("done", "")),
        **context,
    )


def _sessions(account: Account) -> Listing[HeldSession]:
    found = list_held_sessions(account.id, after=place(), limit=ROWS + 1)
    last = found[:ROWS][-1].session.id if found else None
    here = url_for("console.person", account_id=account.id)
    return Listing(
        rows=found[:ROWS],
        next_url=f"{here}?after={last}" if len(found) > ROWS else None,
        first_url=here if place() else None,
    )


def get(account_id: UUID) -> Account:
    """Return a person, or answer 404 if they were deleted."""
    try:
        return accounts.get(account_id)
    except accounts.UnknownAccount as exc:
        raise NotFound from exc


ROUTES = (
    page_route("/people", "people", show_list),
    page_route("/people/<uuid:account_id>", "person", show),
)
