"""`curfew session`: list who is signed in, and end sessions."""

from typing import Any
from uuid import UUID

import click

from provider.accounts import queries as accounts
from provider.accounts.models import Account
from provider.administration import sessions
from provider.administration.accounts import measure, sign_out_everywhere
from provider.cli.context import with_app
from provider.cli.output import json_option, limit_option, show_json, show_table
from provider.cli.plain_text import say
from provider.cli.what_ends import ask_first, to_be_notified
from provider.holdings.queries import apps_of_sessions
from provider.infrastructure import clock
from provider.infrastructure.database import reading, transaction
from provider.logout.steps import LogoutOutcome
from provider.sessions import queries
from provider.sessions.models import Session


@click.group(
    epilog="""\b
Examples:
  curfew session list
  curfew session list --account ada --all --json
  curfew session end 0199c0de-7a55-7c3e-8f00-1b2c3d4e5f60
  curfew session end --account ada        signs Ada out everywhere, after asking
"""
)
def session() -> None:
    """List and end sessions."""


@session.command("list", epilog="Example: curfew session list --account ada --all")
@click.option("--account", "username", help="Only the sessions of this person.")
@click.option("--all", "with_ended", is_flag=True, help="Ended and expired ones too.")
@limit_option()
@json_option
@with_app
def list_(*, username: str | None, with_ended: bool, limit: int, as_json: bool) -> None:
    """List the sessions, newest first."""
    account_id = accounts.get_by_username(username).id if username else None
    found = queries.list_sessions(account_id=account_id, living=not with_ended, limit=limit)
    apps = apps_of_sessions([one.id for one, _ in found], with_ended=with_ended)
    if as_json:
        show_json(
            [
                as_record(one, account) | {"apps": [app.client_id for app in apps.get(one.id, ())]}
                for one, account in found
            ]
        )
        return
    rows = [
        (
            *(one.id, account.username, one.device, one.ip, _state(one)),
            ", ".join(app.client_id for app in apps.get(one.id, ())),
            *(one.authenticated_at, one.last_seen_at),
        )
        for one, account in found
    ]
    columns = ("Session", "User name", "Device", "Address", "State", "Apps", "Signed in", "Last seen")
    show_table(columns, rows, empty="No active sessions.")


@session.command(epilog="Example: curfew session end --account ada --yes")
@click.argument("session_id", type=click.UUID, required=False)
@click.option("--account", "username", help="All sessions and grants of this person.")
@click.option("--yes", is_flag=True, help="Skip the confirmation when ending all sessions of a person.")
@json_option
@with_app
def end(*, session_id: UUID | None, username: str | None, yes: bool, as_json: bool) -> None:
    """End a session, or all sessions and grants of a person, and notify the apps."""
    if (session_id is None) == (username is None):
        raise click.UsageError("name either a session or --account")
    if username is not None:
        with reading():
            account = accounts.get_by_username(username)
        question = f"Sign {account.username} out everywhere?"
        ask_first(question, lambda: measure(account), yes=yes, as_json=as_json)
    with transaction():
        if session_id is not None:
            outcome = sessions.end(session_id)
        else:
            outcome = sign_out_everywhere(accounts.get_by_username(username or ""))
    _show(outcome, as_json=as_json)


def as_record(one: Session, account: Account) -> dict[str, Any]:
    """Return everything about a session that may be shown; never the digest of its handle."""
    return {
        "id": one.id,
        "account_id": account.id,
        "username": account.username,
        "device": one.device,
        "is_device": one.is_device,
        "ip": one.ip,
        "amr": one.amr.split(),
        "state": _state(one),
        "created_at": one.created_at,
        "authenticated_at": one.authenticated_at,
        "last_seen_at": one.last_seen_at,
        "expires_at": one.expires_at,
        "ends_at": one.ends_at,
        "ended_at": one.ended_at,
        "logout_id": one.logout_id,
    }


def _state(one: Session) -> str:
    if one.ended_at is not None:
        return "ended"
    return "living" if one.is_live(clock.now()) else "expired"


def _show(outcome: LogoutOutcome, *, as_json: bool) -> None:
    logout = outcome.logout
    counts = {
        "logout_id": logout.id,
        "sessions_ended": logout.sessions_ended,
        "client_sessions_ended": logout.client_sessions_ended,
        "grants_revoked": logout.grants_revoked,
        "grants_surviving": logout.grants_surviving,
        "apps_to_notify": outcome.apps_to_notify,
        "notifications": outcome.notifications,
    }
    if as_json:
        show_json(counts)
        return
    say(
        f"Ended {logout.sessions_ended} session(s). {to_be_notified(outcome)} "
        f"See: curfew logout show {logout.id}"
    )
