"""`curfew logout`: end all sessions and grants of a person, a client, a period or everyone."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import click

from provider.accounts import queries as accounts
from provider.administration.accounts import measure, sign_out_everywhere
from provider.cli.bulk_logout import as_record
from provider.cli.bulk_logout import bulk as bulk_commands
from provider.cli.bulk_progress import follow, how_far
from provider.cli.context import with_app
from provider.cli.instants import read_instant
from provider.cli.logout_receipt import receipt
from provider.cli.logout_records import list_, show
from provider.cli.output import json_option, show_json
from provider.cli.plain_text import say
from provider.cli.what_ends import ask_first, to_be_notified
from provider.clients import queries as clients
from provider.infrastructure.database import reading, transaction
from provider.logout.bulk import begin as bulk
from provider.logout.bulk import queries as bulk_queries
from provider.logout.models import BulkKind, BulkLogout


@click.group(
    epilog="""\b
Examples:
  curfew logout everybody --dry-run
  curfew logout client red
  curfew logout before 2026-11-20T18:00Z --yes
  curfew logout user ada
  curfew logout list --user ada           the logouts of the past
  curfew logout show 0199c0de-7a55-7c3e-8f00-1b2c3d4e5f60
  curfew logout receipt 0199c0de-7a55-7c3e-8f00-1b2c3d4e5f60
  curfew logout bulk list                 the bulk logouts and how far they have come

The affected sessions and tokens are rejected from the next request on, however many there are. The rows are
then ended and the apps notified in batches: by the workers, and by this command for as long as it waits.
"""
)
def logout() -> None:
    """End sessions and grants of a person, a client, a time or everyone; show past logouts."""


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    options = (
        click.option("--dry-run", is_flag=True, help="Only show what would end."),
        click.option("--yes", is_flag=True, help="Skip the confirmation."),
        json_option,
    )
    for option in reversed(options):
        command = option(command)
    return command


_wait_option = click.option(
    "--wait/--no-wait",
    default=True,
    show_default=True,
    help="Wait until every session and grant is ended, or leave that to the workers.",
)


@logout.command(epilog="Example: curfew logout client red --yes")
@click.argument("client_id")
@_wait_option
@_options
@with_app
def client(*, client_id: str, wait: bool, dry_run: bool, yes: bool, as_json: bool) -> None:
    """End all client sessions and grants of a client; other apps are not affected."""
    with reading():
        known = clients.get_by_client_id(client_id)
    ask_first(
        f"Sign everyone out of {known.display_name} ({client_id})?",
        lambda: bulk_queries.measure(BulkKind.CLIENT, client=known),
        dry_run=dry_run,
        yes=yes,
        as_json=as_json,
    )
    with transaction():
        begun = bulk.end_of_client(clients.get_by_client_id(client_id), "admin")
    _finish(begun, wait=wait, as_json=as_json)


@logout.command(epilog="Example: curfew logout everybody --dry-run")
@_wait_option
@_options
@with_app
def everybody(*, wait: bool, dry_run: bool, yes: bool, as_json: bool) -> None:
    """End all sessions and all grants of everyone."""
    ask_first(
        "Sign everyone out of everything?",
        lambda: bulk_queries.measure(BulkKind.ALL),
        dry_run=dry_run,
        yes=yes,
        as_json=as_json,
    )
    with transaction():
        begun = bulk.end_everybody("admin")
    _finish(begun, wait=wait, as_json=as_json)


@logout.command(epilog="Example: curfew logout before 2026-03-01T00:00Z --yes")
@click.argument("instant", callback=lambda _context, _parameter, text: read_instant(text))
@_wait_option
@_options
@with_app
def before(*, instant: datetime, wait: bool, dry_run: bool, yes: bool, as_json: bool) -> None:
    """End every session and grant that was started before an INSTANT, such as 2026-11-20T18:00Z."""
    ask_first(
        f"End everything that was started before {instant.isoformat()}?",
        lambda: bulk_queries.measure(BulkKind.ISSUED_BEFORE, issued_before=instant),
        dry_run=dry_run,
        yes=yes,
        as_json=as_json,
    )
    with transaction():
        begun = bulk.end_issued_before(instant, "admin")
    _finish(begun, wait=wait, as_json=as_json)


@logout.command(epilog="Example: curfew logout user ada")
@click.argument("username")
@_options
@with_app
def user(*, username: str, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Sign a person out everywhere: all sessions, all grants."""
    with reading():
        account = accounts.get_by_username(username)
    ask_first(
        f"Sign {account.username} out everywhere?",
        lambda: measure(account),
        dry_run=dry_run,
        yes=yes,
        as_json=as_json,
    )
    with transaction():
        outcome = sign_out_everywhere(accounts.get_by_username(username))
    ended = outcome.logout
    if as_json:
        counts = ("sessions_ended", "client_sessions_ended", "grants_revoked")
        show_json(
            {"logout_id": ended.id}
            | {n: getattr(ended, n) for n in counts}
            | {"apps_to_notify": outcome.apps_to_notify, "notifications": outcome.notifications}
        )
        return
    say(
        f"Signed {account.username} out everywhere: {ended.sessions_ended} session(s) and "
        f"{ended.grants_revoked} grant(s) ended. {to_be_notified(outcome)} "
        f"See: curfew logout show {ended.id}"
    )


logout.add_command(list_)
logout.add_command(show)
logout.add_command(receipt)
logout.add_command(bulk_commands)


def _finish(begun: BulkLogout, *, wait: bool, as_json: bool) -> None:
    if not as_json:
        say("Revoked. Affected sessions and tokens are rejected from now on.")
    ended = follow(begun.id, quiet=as_json) if wait else begun
    if as_json:
        show_json(as_record(ended))
    else:
        say(how_far(ended))
