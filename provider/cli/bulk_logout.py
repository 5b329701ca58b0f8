"""`curfew logout bulk`: list bulk logouts with their progress, and steer a running one."""

from typing import Any
from uuid import UUID

import click

from provider.cli.context import with_app
from provider.cli.output import json_option, limit_option, show_json, show_table
from provider.cli.plain_text import say
from provider.clients import queries as clients
from provider.infrastructure.database import transaction
from provider.logout.bulk import queries as bulk_queries
from provider.logout.bulk import steering as bulk_steering
from provider.logout.models import BulkLogout


@click.group(
    epilog="""\b
Examples:
  curfew logout bulk list
  curfew logout bulk pace 0199c0de-7a55-7c3e-8f00-1b2c3d4e5f60 50
  curfew logout bulk stop 0199c0de-7a55-7c3e-8f00-1b2c3d4e5f60
  curfew logout bulk resume 0199c0de-7a55-7c3e-8f00-1b2c3d4e5f60

Stopping restores nothing: the affected sessions and tokens stay rejected. Only ending the rows and notifying
the apps pauses; a session that expires in the meantime is still ended, with its notifications, and
notifications already recorded are still delivered.
"""
)
def bulk() -> None:
    """List bulk logouts; stop, resume or change the pace of a running one."""


@bulk.command("list", epilog="Example: curfew logout bulk list --json")
@limit_option(20)
@json_option
@with_app
def list_(*, limit: int, as_json: bool) -> None:
    """List the bulk logouts, newest first."""
    rows = [as_record(one) for one in bulk_queries.list_bulk_logouts(limit)]
    if as_json:
        show_json(rows)
        return
    columns = ("id", "at", "kind", "client_id", "issued_before", "by", "state", "done", "total", "pace")
    show_table(columns, [[row[c] for c in columns] for row in rows], empty="No bulk logouts.")


@bulk.command(epilog="Example: curfew logout bulk stop 0199c0de-7a55-7c3e-8f00-1b2c3d4e5f60")
@click.argument("bulk_logout_id", type=click.UUID)
@json_option
@with_app
def stop(*, bulk_logout_id: UUID, as_json: bool) -> None:
    """Stop a bulk logout: end no more rows and notify no more apps; affected sessions stay rejected."""
    with transaction():
        steered = bulk_steering.stop(bulk_logout_id)
    _show(
        steered,
        f"Stopped{_progress(steered)}. The affected sessions and tokens stay rejected; the apps of the "
        "remaining rows are not notified until it is resumed.",
        as_json=as_json,
    )


@bulk.command(epilog="Example: curfew logout bulk resume 0199c0de-7a55-7c3e-8f00-1b2c3d4e5f60")
@click.argument("bulk_logout_id", type=click.UUID)
@json_option
@with_app
def resume(*, bulk_logout_id: UUID, as_json: bool) -> None:
    """Resume a stopped bulk logout; the workers continue it."""
    with transaction():
        steered = bulk_steering.resume(bulk_logout_id)
    _show(steered, f"Resumed{_progress(steered)}.", as_json=as_json)


@bulk.command(epilog="Example: curfew logout bulk pace 0199c0de-7a55-7c3e-8f00-1b2c3d4e5f60 50")
@click.argument("bulk_logout_id", type=click.UUID)
@click.argument("per_second", type=click.IntRange(1, 1_000_000))
@json_option
@with_app
def pace(*, bulk_logout_id: UUID, per_second: int, as_json: bool) -> None:
    """Limit a bulk logout to PER_SECOND notifications per second, within a few seconds."""
    with transaction():
        steered = bulk_steering.set_pace(bulk_logout_id, per_second)
    _show(steered, f"At most {per_second} notifications a second from now on.", as_json=as_json)


def as_record(one: BulkLogout) -> dict[str, Any]:
    """Return everything about a bulk logout that may be shown."""
    of = clients.find(one.client_id) if one.client_id else None
    shown = ("id", "at", "kind", "issued_before", "initiator", "total", "done", "pace", "stopped_at")
    return {name: getattr(one, name) for name in shown} | {
        "finished_at": one.finished_at,
        "client_id": of.client_id if of else None,
        "state": "finished" if one.finished_at else "stopped" if one.stopped_at else "running",
        "by": one.actor_name,
        "from": one.actor_origin,
    }


def _show(steered: BulkLogout, sentence: str, *, as_json: bool) -> None:
    if as_json:
        show_json(as_record(steered))
    else:
        say(sentence)


def _progress(steered: BulkLogout) -> str:
    """Return the progress as part of a sentence; the total is unknown until the rows have been counted."""
    return f" after {steered.done} of {steered.total}" if steered.total else " before anything was ended"
