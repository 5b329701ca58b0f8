"""Logouts: the list, and one of them as a tree from its cause to every attempt at every app."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from flask import url_for
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from provider.accounts.models import Account
from provider.accounts.queries import find_by_username
from provider.clients.queries import find_by_client_id
from provider.console.export import MOST_EXPORTED, csv_file
from provider.console.guarded import page_route
from provider.console.layout import console_page, part_that_updates
from provider.console.listing import ROWS, Asked, listing, place
from provider.infrastructure import clock
from provider.infrastructure.database import db, reading
from provider.inspection.logout_tree import tree_of
from provider.inspection.receipt import make as make_receipt
from provider.logout.detail import Filter, count_notifications, find_detail, list_logouts
from provider.logout.models import Logout, LogoutReason
from provider.web.receipt_file import receipt_file

# How far back the logouts of one app are searched by default.
_OF_CLIENT = timedelta(days=7)
_FILTERS = ("user", "client", "reason", "by", "since", "until")
_FIELDS = (
    *("id", "at", "account_id", "reason", "scope", "initiator", "initiator_client_id", "actor_name"),
    *("actor_origin", "sessions_ended", "client_sessions_ended", "grants_revoked", "grants_surviving"),
    *("notifications", "bulk_logout_id", "correlation_id"),
)
_COLUMNS = (*_FIELDS[:2], "username", *_FIELDS[2:], "notification_states")
# The number of logouts whose notifications are counted in one statement.
_BATCH = 1000
REASONS = {
    LogoutReason.RP_INITIATED: "an app asked for it",
    LogoutReason.USER: "the person signed out",
    LogoutReason.ADMIN: "an operator ended it",
    LogoutReason.IDLE_TIMEOUT: "not used for too long",
    LogoutReason.ABSOLUTE_TIMEOUT: "the session reached its longest lifetime",
    LogoutReason.PASSWORD_CHANGED: "the person changed the password",
    LogoutReason.PASSWORD_RESET: "the password was reset",
    LogoutReason.ACCOUNT_DISABLED: "the account was disabled",
    LogoutReason.ACCOUNT_DELETED: "the account was deleted",
    LogoutReason.SESSION_REPLACED: "another person signed in in the same browser",
    LogoutReason.REFRESH_REPLAY: "a refresh token was used twice",
    LogoutReason.CODE_REPLAY: "a code was used twice",
    LogoutReason.CONSENT_WITHDRAWN: "the person disconnected an app",
    LogoutReason.SESSION_LIMIT: "the person had too many sessions",
    LogoutReason.UPSTREAM: "an upstream provider asked for it",
    LogoutReason.UNKNOWN_SESSION: "an app named a session that is not known here",
}


def show_list() -> Response:
    """Show the logouts, newest first."""
    asked = Asked.read(*_FILTERS)
    with reading():
        wanted = _wanted(asked)
        before = db.session.get(Logout, after) if (after := place()) else None
        found = list_logouts(wanted, ROWS + 1, before=before) if wanted else []
        shown = found[:ROWS]
        states = count_notifications([one.id for one, _ in shown])
    last = shown[-1][0].id if shown else None
    return console_page(
        "console/logouts.html",
        "console.logouts",
        asked=asked,
        listing=listing(found, last, "console.logouts", asked.values, ROWS),
        states=states,
        reasons=REASONS,
        is_recent_only=bool(wanted and asked.get("client") and not asked.get("since")),
        export_url=url_for("console.logouts_export", **asked.values),
        most=MOST_EXPORTED,
    )


def export() -> Response:
    """Return the filtered logouts as CSV."""
    asked = Asked.read(*_FILTERS)
    with reading():
        wanted = _wanted(asked)
        found = list_logouts(wanted, MOST_EXPORTED) if wanted else []
        states: dict[UUID, dict[str, int]] = {}
        for start in range(0, len(found), _BATCH):
            states |= count_notifications([one.id for one, _ in found[start : start + _BATCH]])
    return csv_file("curfew-logouts", _COLUMNS, (_exported(*one, states[one[0].id]) for one in found))


def _exported(one: Logout, account: Account, states: dict[str, int]) -> dict[str, object]:
    fields: dict[str, object] = {name: getattr(one, name) for name in _FIELDS}
    in_words = "; ".join(f"{count} {state}" for state, count in sorted(states.items()))
    # The placeholder name of a deleted person is meaningless.
    return fields | {
        "username": None if account.deleted_at else account.username,
        "notification_states": in_words,
    }


def _wanted(asked: Asked) -> Filter | None:
    """Return the filter for the given parameters; None if one of them is invalid."""
    person = find_by_username(asked.values["user"]) if asked.get("user") else None
    client = find_by_client_id(asked.values["client"]) if asked.get("client") else None
    if asked.get("user") and person is None:
        asked.mistakes.append("There is no person with this user name.")
    if asked.get("client") and client is None:
        asked.mistakes.append("There is no client with this client_id.")
    reason = asked.get("reason")
    if reason and reason not in list(LogoutReason):
        asked.mistakes.append("There is no such reason.")
    since, until = asked.instant("since"), asked.instant("until")
    if asked.mistakes:
        return None
    return Filter(
        account_id=person.id if person else None,
        client_pk=client.id if client else None,
        actor_name=asked.get("by"),
        reason=reason,
        since=since or (clock.now() - _OF_CLIENT if client else None),
        until=until,
    )


def show(logout_id: UUID) -> Response:
    """Show one logout."""
    return console_page("console/logout.html", "console.logouts", **_shown(logout_id))


def show_tree(logout_id: UUID) -> Response:
    """Return the part of the page that is refreshed while apps are notified."""
    return part_that_updates("console/logout_tree.html", **_shown(logout_id))


def receipt(logout_id: UUID) -> Response:
    """Return the signed receipt of a logout as a file."""
    with reading():
        made = make_receipt(logout_id)
    if made is None:
        raise NotFound
    return receipt_file(made)


def _shown(logout_id: UUID) -> dict[str, Any]:
    with reading():
        found = find_detail(logout_id)
        if found is None:
            raise NotFound
        return {"found": found, "tree": tree_of(found), "reasons": REASONS}


ROUTES = (
    page_route("/logouts", "logouts", show_list),
    page_route("/logouts/export", "logouts_export", export),
    page_route("/logouts/<uuid:logout_id>", "logout", show),
    page_route("/logouts/<uuid:logout_id>/receipt", "logout_receipt", receipt),
    page_route("/logouts/<uuid:logout_id>/tree", "logout_tree", show_tree),
)
