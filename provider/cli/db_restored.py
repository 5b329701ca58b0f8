"""`curfew db restored` and `curfew db accept-failover`: run after restoring a backup or after a failover."""

from typing import Any

import click

from provider.cli.bulk_logout import as_record
from provider.cli.bulk_progress import follow, how_far
from provider.cli.context import fail, with_app
from provider.cli.output import json_option, show_json
from provider.cli.plain_text import say
from provider.cli.what_ends import ask_first
from provider.infrastructure.database import reading, transaction
from provider.inspection import history
from provider.inspection.history import Judgement
from provider.keys.models import KeyState
from provider.keys.queries import list_keys
from provider.logout.bulk import queries as bulk_queries
from provider.logout.models import BulkKind, BulkLogout
from provider.logout.restored import accept_failover, end_restored

_REVIEW = """\
The restore also undid other changes. Repeat what was done after the backup:
  - disabled and deleted accounts, reset passwords    curfew user list
  - removed clients and rotated secrets               curfew client list
  - rotated and compromised signing keys              curfew keys list
Apps are not notified of sessions that began after the backup: the database does not know them. Each is
ended when its app sends the person to sign out, or when the app's own session ends."""


@click.command(
    epilog="""\b
Examples:
  curfew db restored --dry-run
  curfew db restored
  curfew db restored --yes --no-wait --json

Running it again is safe: it ends what was started since. See docs/operate/restore.md.
"""
)
@click.option(
    "--wait/--no-wait",
    default=True,
    show_default=True,
    help="Wait until every session and grant is ended, or leave that to the workers.",
)
@click.option("--dry-run", is_flag=True, help="Only show what would end.")
@click.option("--yes", is_flag=True, help="Skip the confirmation.")
@json_option
@with_app
def restored(*, wait: bool, dry_run: bool, yes: bool, as_json: bool) -> None:
    """End every session and grant that a restored backup, or a failover with losses, has brought back.

    Sessions, grants and tokens revoked after the backup are valid again and cannot be distinguished from the
    others. Therefore all of them end at once, and the apps are notified.
    """
    found = history.judge()
    if found.sentence and not as_json:
        say(found.sentence)
    ask_first(
        "End all sessions and grants, because the database was restored?",
        lambda: bulk_queries.measure(BulkKind.ALL),
        dry_run=dry_run,
        yes=yes,
        as_json=as_json,
    )
    place = history.place()
    with transaction():
        begun = end_restored("admin", place)
    # From now on this instance accepts the new lineage, and knows that it replaced the older one.
    history.judge()
    if not as_json:
        say("Revoked. Everything that the database held is rejected from now on.")
    ended = follow(begun.id, quiet=as_json) if wait else begun
    _show(found, ended, as_json=as_json)


@click.command(
    "accept-failover",
    epilog="""\b
Examples:
  curfew db accept-failover
  curfew db accept-failover --json

For the planned failover of a synchronous standby, an upgrade of the server or a move without data loss. If
anything may be missing, use `curfew db restored` instead.
""",
)
@json_option
@with_app
def accept(*, as_json: bool) -> None:
    """Confirm that no data was lost when the database moved to another server or timeline."""
    found = history.judge()
    if found.is_older:
        fail(f"this failover has lost data: {found.sentence}")
    place = history.place()
    if found.state is history.State.MOVED and place is not None:
        with transaction():
            accept_failover("admin", place)
    if as_json:
        show_json({"accepted": found.state is history.State.MOVED, "place": str(place) if place else None})
    elif found.state is history.State.MOVED:
        say(f"Accepted: the database is complete at {place}.")
    else:
        say("Nothing to accept: the database has not moved.")


def _show(found: Judgement, ended: BulkLogout, *, as_json: bool) -> None:
    with reading():
        active = [key for key in list_keys() if key.state == KeyState.ACTIVE]
    if as_json:
        keys: list[dict[str, Any]] = [
            {"kid": key.kid, "alg": key.alg, "activated_at": key.activated_at} for key in active
        ]
        show_json(as_record(ended) | {"found": found.sentence or None, "active_keys": keys})
        return
    say(how_far(ended))
    say(_REVIEW)
    for key in active:
        say(f"Signing now: {key.alg} {key.kid}, active since {key.activated_at}.")
    say("Apps may hold newer tokens signed by keys that this database does not know: they expire.")
