"""`curfew grant`: the grants of people to apps, and revoking them."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import click

from provider.accounts import queries as accounts
from provider.accounts.models import Account
from provider.administration import grants
from provider.cli.context import with_app
from provider.cli.output import json_option, limit_option, show_json, show_table
from provider.cli.plain_text import say
from provider.cli.what_ends import ask_first, notified_by
from provider.clients import queries as clients
from provider.clients.models import Client
from provider.grants import queries
from provider.grants.models import Grant
from provider.infrastructure import clock
from provider.infrastructure.database import reading, transaction
from provider.logout.bulk.queries import measure_grants
from provider.logout.steps import LogoutOutcome

# The number of grants read at once, to be revoked before the next are read.
_BATCH = 500


@click.group(
    epilog="""\b
Examples:
  curfew grant list --user ada
  curfew grant list --client red --offline --json
  curfew grant revoke 0199c0de-7a55-7c3e-8f00-1b2c3d4e5f60
  curfew grant revoke --user ada --client red --dry-run
"""
)
def grant() -> None:
    """List and revoke grants."""


def _filters(command: Any) -> Any:
    options = (
        click.option("--user", "username", help="Only those of this person."),
        click.option("--client", "client_id", help="Only those of this client."),
        click.option(
            "--offline/--online", default=None, help="Only those that outlive sessions, or only the others."
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@grant.command("list", epilog="Example: curfew grant list --user ada --offline")
@_filters
@click.option("--all", "with_ended", is_flag=True, help="Revoked and expired ones too.")
@limit_option()
@json_option
@with_app
def list_(
    *,
    username: str | None,
    client_id: str | None,
    offline: bool | None,
    with_ended: bool,
    limit: int,
    as_json: bool,
) -> None:
    """List the grants, newest first."""
    wanted = _wanted(username, client_id, offline)
    found = queries.list_grants(wanted, living=not with_ended, limit=limit)
    if as_json:
        show_json([as_record(*one) for one in found])
        return
    columns = ("id", "username", "client_id", "scope", "offline", "state", "created_at", "expires_at")
    rows = [[as_record(*one)[column] for column in columns] for one in found]
    titles = ("Grant", "User name", "Client", "Scope", "Offline", "State", "Since", "Until")
    show_table(titles, rows, empty="No grants.")


@grant.command(epilog="Example: curfew grant revoke --user ada --client red --yes")
@click.argument("grant_id", type=click.UUID, nargs=-1)
@_filters
@click.option("--dry-run", is_flag=True, help="Only show what would be revoked.")
@click.option("--yes", is_flag=True, help="Skip the confirmation.")
@json_option
@with_app
def revoke(
    *,
    grant_id: tuple[UUID, ...],
    username: str | None,
    client_id: str | None,
    offline: bool | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Revoke grants with everything issued on them, as if the person had disconnected the app.

    Name the grants, or a person, a client or both.
    """
    by_filter = bool(username or client_id)
    if bool(grant_id) == by_filter or (grant_id and offline is not None):
        raise click.UsageError("name either grants, or --user, --client or both")
    with reading():
        for one in grant_id:
            grants.check_is_unrevoked(one)
        wanted = _wanted(username, client_id, offline)
    ask_first(
        "Revoke these grants?",
        lambda: measure_grants(wanted, grant_id),
        dry_run=dry_run,
        yes=yes or len(grant_id) == 1,
        as_json=as_json,
    )
    # With --offline or --online, the app keeps the grants that the filter excludes.
    is_part = bool(grant_id) or offline is not None
    outcomes = _revoke_each(grant_id or _ids(wanted)) if is_part else _disconnect(wanted)
    _show_revoked(list(outcomes), as_json=as_json)


def as_record(one: Grant, account: Account, client: Client) -> dict[str, Any]:
    """Return everything about a grant that may be shown."""
    return {
        "id": one.id,
        "account_id": one.account_id,
        "username": account.username,
        "client_id": client.client_id,
        "scope": one.scope,
        "claims": one.claims or [],
        "resources": one.resources,
        "offline": one.offline,
        "consented": one.consented,
        "state": _state(one),
        "created_at": one.created_at,
        "expires_at": one.expires_at,
        "revoked_at": one.revoked_at,
        "logout_id": one.logout_id,
    }


def _wanted(username: str | None, client_id: str | None, offline: bool | None) -> queries.Wanted:
    return queries.Wanted(
        account_id=accounts.get_by_username(username).id if username else None,
        client_pk=clients.get_by_client_id(client_id).id if client_id else None,
        offline=offline,
    )


def _ids(wanted: queries.Wanted) -> Iterable[UUID]:
    """Yield the grants to revoke, a batch at a time, without those made in the meantime."""
    before = clock.now()
    found = _next_ids(wanted, before, None)
    while found:
        yield from found
        found = _next_ids(wanted, before, found[-1])


def _next_ids(wanted: queries.Wanted, made_before: datetime, after: UUID | None) -> Sequence[UUID]:
    with reading():
        return queries.list_unrevoked_ids(wanted, made_before=made_before, after=after, limit=_BATCH)


def _revoke_each(grant_ids: Iterable[UUID]) -> Iterable[LogoutOutcome]:
    """Revoke each grant in its own transaction; skip those that were revoked in the meantime."""
    for one in grant_ids:
        with transaction():
            outcome = grants.revoke(one)
        if outcome:
            yield outcome


def _disconnect(wanted: queries.Wanted) -> Iterable[LogoutOutcome]:
    """Revoke all that a person has granted to an app in one transaction, so that no sign-in comes between."""
    for one in _ids(wanted):
        with transaction():
            outcomes = grants.disconnect(one)
        yield from outcomes


def _show_revoked(outcomes: list[LogoutOutcome], *, as_json: bool) -> None:
    apps = {client_pk for outcome in outcomes for client_pk in outcome.clients_to_notify}
    notifications = sum(outcome.notifications for outcome in outcomes)
    if as_json:
        counts = {"apps_to_notify": len(apps), "notifications": notifications}
        show_json({"grants_revoked": len(outcomes), "logout_ids": [o.logout.id for o in outcomes]} | counts)
        return
    revoked = f"Revoked {len(outcomes)} grant{'' if len(outcomes) == 1 else 's'}."
    say(f"{revoked} {notified_by(len(apps), notifications)}")
    for outcome in outcomes[:1] if len(outcomes) == 1 else ():
        say(f"See: curfew logout show {outcome.logout.id}")


def _state(one: Grant) -> str:
    if one.revoked_at is not None:
        return "revoked"
    return "expired" if one.expires_at <= clock.now() else "unrevoked"
