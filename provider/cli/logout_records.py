"""`curfew logout list` and `curfew logout show`: list past logouts, and show one in full."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import click

from provider.accounts import queries as accounts
from provider.accounts.models import Account
from provider.cli.context import fail, with_app
from provider.cli.instants import read_since
from provider.cli.output import json_option, limit_option, show_json, show_record, show_table
from provider.cli.plain_text import say
from provider.clients import queries as clients
from provider.clients.models import Client
from provider.delivery.models import DeliveryState
from provider.grants.models import Grant
from provider.logout import notice
from provider.logout.detail import (
    Filter,
    LogoutDetail,
    Notification,
    NotifiedApp,
    count_notifications,
    find_detail,
    list_logouts,
    state_of,
)
from provider.logout.models import Logout

_COUNTS = ("sessions_ended", "client_sessions_ended", "grants_revoked", "grants_surviving", "notifications")
_ATTEMPT = ("number", "started_at", "finished_at", "url", "outcome", "status", "latency_ms")
_DELIVERY = ("id", "attempt_count", "next_attempt_at", "finished_at", "expires_at")


@click.command("list", epilog="Example: curfew logout list --user ada --since 7d")
@click.option("--user", "username", help="Only those of this person.")
@click.option("--client", "client_id", help="Only those that ended something of this client.")
@click.option("--since", type=read_since, metavar="SPAN|INSTANT", help="How far back, or since when.")
@click.option("--by", "actor_name", metavar="NAME", help="Only those of this operator.")
@click.option("--bulk", "bulk_id", type=click.UUID, help="Only those of this bulk logout.")
@limit_option()
@json_option
@with_app
def list_(
    *,
    username: str | None,
    client_id: str | None,
    since: datetime | None,
    actor_name: str | None,
    bulk_id: UUID | None,
    limit: int,
    as_json: bool,
) -> None:
    """List the logouts, newest first, with the progress of their notifications."""
    wanted = Filter(
        account_id=accounts.get_by_username(username).id if username else None,
        client_pk=clients.get_by_client_id(client_id).id if client_id else None,
        bulk_logout_id=bulk_id,
        actor_name=actor_name,
        since=since,
    )
    found = list_logouts(wanted, limit)
    states = count_notifications([logout.id for logout, _ in found])
    if as_json:
        show_json([as_record(one, person) | {"notification_states": states[one.id]} for one, person in found])
        return
    columns = ("Logout", "At", "User name", "Reason", "Scope", "By", "From", "Notifications")
    rows = [
        (
            one.id,
            one.at,
            person.username,
            one.reason,
            one.scope,
            who(one, person),
            one.actor_origin,
            ", ".join(f"{count} {state}" for state, count in sorted(states[one.id].items())),
        )
        for one, person in found
    ]
    show_table(columns, rows, empty="No logouts.")


@click.command(epilog="Example: curfew logout show 0199c0de-7a55-7c3e-8f00-1b2c3d4e5f60")
@click.argument("logout_id", type=click.UUID)
@json_option
@with_app
def show(*, logout_id: UUID, as_json: bool) -> None:
    """Show one logout in full: actor and reason, what ended, what survived, and each app's notifications."""
    found = find_detail(logout_id)
    if found is None:
        fail(f"there is no logout {logout_id}")
    if as_json:
        show_json(as_detail(found))
        return
    _show(found)


def as_record(logout: Logout, account: Account) -> dict[str, Any]:
    """Return the facts about a logout, without the rows that belong to it."""
    return {
        "id": logout.id,
        "at": logout.at,
        "reason": logout.reason,
        "scope": logout.scope,
        "account_id": logout.account_id,
        "username": account.username,
        "initiator": logout.initiator,
        "initiator_client_id": logout.initiator_client_id,
        "by": who(logout, account),
        "from": logout.actor_origin,
        "bulk_logout_id": logout.bulk_logout_id,
        "correlation_id": logout.correlation_id,
    } | {name: getattr(logout, name) for name in _COUNTS}


def who(logout: Logout, account: Account) -> str | None:
    """Return the name of the initiator: an operator, a client, the person, or the system."""
    match logout.initiator:
        case "admin":
            return logout.actor_name
        case "client":
            return logout.initiator_client_id
        case "account":
            return account.username
    return logout.initiator


def as_detail(found: LogoutDetail) -> dict[str, Any]:
    """Return a logout with its sessions, grants and notifications."""
    return as_record(found.logout, found.account) | {
        "sessions": [
            {
                "id": one.id,
                "ended": one.logout_id == found.logout.id,
                "device": one.device,
                "is_device": one.is_device,
                "ip": one.ip,
                "created_at": one.created_at,
                "last_seen_at": one.last_seen_at,
            }
            for one in found.sessions
        ],
        "client_sessions": [
            {
                "id": one.id,
                "client_id": client.client_id,
                "session_id": one.session_id,
                "sid": one.sid,
                "created_at": one.created_at,
                "last_used_at": one.last_used_at,
            }
            for one, client in found.client_sessions
        ],
        "revoked_grants": _grants(found.revoked),
        "surviving_grants": _grants(found.surviving),
        "apps": [_app(one) for one in found.apps],
    }


def _grants(found: Sequence[tuple[Grant, Client]]) -> list[dict[str, Any]]:
    return [
        {
            "id": grant.id,
            "client_id": client.client_id,
            "scope": grant.scope,
            "offline": grant.offline,
            "created_at": grant.created_at,
            "expires_at": grant.expires_at,
        }
        for grant, client in found
    ]


def _app(one: NotifiedApp) -> dict[str, Any]:
    return {
        "client_id": one.client.client_id,
        "state": one.state,
        "notifications": [_notification(notification) for notification in one.notifications],
    }


def _notification(one: Notification) -> dict[str, Any]:
    logout_notice = notice.of(one.delivery)
    shown = {"state": state_of(one.delivery), "sid": logout_notice.sid if logout_notice else None}
    shown |= {name: getattr(one.delivery, name) for name in _DELIVERY}
    if DeliveryState(one.delivery.state).is_final:
        # The row still holds when its last attempt was due, but no other attempt follows.
        del shown["next_attempt_at"]
    attempts = [{name: getattr(attempt, name) for name in _ATTEMPT} for attempt in one.attempts]
    return shown | {"attempts": attempts}


def _rows_of(app: dict[str, Any]) -> Iterator[tuple[object, ...]]:
    """Yield a row for each attempt; an app without attempts gets one row."""
    for one in app["notifications"] or [{"state": app["state"], "id": None, "attempts": []}]:
        named = (app["client_id"], one["state"], one["id"])
        for made in one["attempts"] or [{}]:
            facts = (made.get(name) for name in ("number", "started_at", "outcome", "status", "latency_ms"))
            yield (*named, *facts)


def _show(found: LogoutDetail) -> None:
    shown = as_detail(found)
    lists = ("sessions", "client_sessions", "revoked_grants", "surviving_grants", "apps")
    show_record({name: value for name, value in shown.items() if name not in lists})
    for title, name, columns, empty in _TABLES:
        say(f"\n{title}")
        show_table(columns, [[row[column] for column in columns] for row in shown[name]], empty=empty)
    say("\nApps")
    rows = [row for app in shown["apps"] for row in _rows_of(app)]
    columns = ("Client", "State", "Notification", "Attempt", "At", "Outcome", "Status", "Took (ms)")
    show_table(columns, rows, empty="No apps were affected.")


_TABLES: tuple[tuple[str, str, tuple[str, ...], str], ...] = (
    (
        "Sessions",
        "sessions",
        ("id", "ended", "device", "ip", "created_at", "last_seen_at"),
        "No sessions were affected.",
    ),
    (
        "Client sessions ended",
        "client_sessions",
        ("client_id", "session_id", "created_at", "last_used_at"),
        "None.",
    ),
    ("Grants revoked", "revoked_grants", ("id", "client_id", "scope", "offline"), "None."),
    (
        "Grants that survived",
        "surviving_grants",
        ("id", "client_id", "scope", "offline", "expires_at"),
        "None.",
    ),
)
