"""`curfew delivery retry` and `curfew delivery cancel`: send again or sooner, or stop trying."""

import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import click

from provider.administration import deliveries
from provider.cli.confirm import demand
from provider.cli.context import with_app
from provider.cli.delivery_records import client_ids_of
from provider.cli.instants import read_instant
from provider.cli.output import json_option, show_json
from provider.cli.plain_text import say
from provider.clients import queries as clients
from provider.delivery import queries
from provider.delivery.models import Delivery, DeliveryState
from provider.delivery.resend import RESENDABLE
from provider.infrastructure.database import transaction

NOT_ALL = 1
# The number of deliveries changed in one transaction.
_BATCH = 500
_UNKNOWN = "there is no such delivery"
_UNDER_WAY = "it is being attempted right now"


def _read(_context: click.Context, _parameter: click.Parameter, text: str | None) -> datetime | None:
    return None if text is None else read_instant(text)


@click.command(epilog="Example: curfew delivery retry --client red --since 2026-03-01T00:00Z")
@click.argument("delivery_id", type=click.UUID, nargs=-1)
@click.option("--client", "client_id", help="All deliveries that this client has not accepted.")
@click.option("--since", callback=_read, help="All deliveries of logouts since then.")
@click.option("--until", callback=_read, help="All deliveries of logouts before then.")
@click.option(
    "--state",
    type=click.Choice([state.value for state in RESENDABLE]),
    help="Only deliveries in this state; by default pending and expired ones.",
)
@json_option
@with_app
def retry(
    *,
    delivery_id: tuple[UUID, ...],
    client_id: str | None,
    since: datetime | None,
    until: datetime | None,
    state: str | None,
    as_json: bool,
) -> None:
    """Make deliveries due at once, also those that a breaker holds.

    Expired and cancelled deliveries restart their schedule. Name the deliveries, or a client, a time range
    or both. Exit code 1: at least one of the named deliveries was not made due.
    """
    by_range = any((client_id, since, until))
    if bool(delivery_id) == by_range or (delivery_id and state):
        raise click.UsageError("name either deliveries, or a client or a span of time")
    if by_range:
        client_pk = clients.get_by_client_id(client_id).id if client_id else None
        states = [DeliveryState(state)] if state else [DeliveryState.PENDING, DeliveryState.EXPIRED]
        count = _in_batches(
            partial(deliveries.retry_some, states=states, client_pk=client_pk, since=since, until=until)
        )
        _show_count("Due now", "due_now", count, as_json=as_json)
        return
    _one_by_one(delivery_id, _retry_one, "Due now", "due_now", as_json=as_json)


@click.command(epilog='Example: curfew delivery cancel --client red --reason "the app was shut down" --yes')
@click.argument("delivery_id", type=click.UUID, nargs=-1)
@click.option("--client", "client_id", help="All pending deliveries to this client.")
@click.option("--reason", required=True, help="Reason, which is recorded in the delivery and the audit log.")
@click.option("--yes", is_flag=True, help="Skip the confirmation.")
@json_option
@with_app
def cancel(
    *, delivery_id: tuple[UUID, ...], client_id: str | None, reason: str, yes: bool, as_json: bool
) -> None:
    """Cancel deliveries: these apps are not notified, and people may still be signed in there.

    `curfew delivery retry` takes it back. Exit code 1: at least one of the named deliveries was not
    cancelled.
    """
    if bool(delivery_id) == bool(client_id):
        raise click.UsageError("name either deliveries or a client")
    try:
        reason = deliveries.checked_reason(reason)
    except deliveries.InvalidReason as exc:
        raise click.UsageError(str(exc)) from None
    if client_id:
        client = clients.get_by_client_id(client_id)
        question = f"Cancel all pending notifications to {client_id}?"
        demand(question, yes=yes, effect="the app will not be notified of these logouts")
        count = _in_batches(partial(deliveries.cancel_some_of, client.id, reason))
        _show_count("Cancelled", "cancelled", count, as_json=as_json)
        return
    _one_by_one(delivery_id, partial(_cancel_one, reason), "Cancelled", "cancelled", as_json=as_json)


def _one_by_one(
    ids: Sequence[UUID], act: Callable[[Delivery], str | None], done: str, name: str, *, as_json: bool
) -> None:
    """Act on each delivery separately and report each result; `act` returns why it did nothing, or None."""
    results: list[dict[str, Any]] = []
    for delivery_id in dict.fromkeys(ids):
        with transaction():
            try:
                found = queries.get(delivery_id)
            except queries.UnknownDelivery:
                results.append({"id": delivery_id, "client_id": None, name: False, "problem": _UNKNOWN})
                continue
            problem = act(found)
            client_id = client_ids_of([found])[found.recipient_id]
            results.append({"id": delivery_id, "client_id": client_id, name: not problem, "problem": problem})
    if as_json:
        show_json({name: sum(one[name] for one in results), "deliveries": results})
    for one in [] if as_json else results:
        to = f" to {one['client_id']}" if one["client_id"] else ""
        said = f"Not changed: {one['id']}{to}: {one['problem']}." if one["problem"] else None
        say(said or f"{done}: {one['id']}{to}.", err=bool(said))
    sys.exit(NOT_ALL if any(one["problem"] for one in results) else 0)


def _retry_one(found: Delivery) -> str | None:
    return None if deliveries.retry(found) else _why_not(found)


def _cancel_one(reason: str, found: Delivery) -> str | None:
    return None if deliveries.cancel(found, reason) else _why_not(found)


def _why_not(found: Delivery) -> str:
    state = DeliveryState(found.state)
    return f"it is {state.value}" if state.is_final else _UNDER_WAY


def _in_batches(act: Callable[..., list[Delivery]]) -> int:
    """Act in batches, one transaction each; an interrupted run can be repeated."""
    count, last = 0, None
    while True:
        with transaction():
            found = act(after=last, limit=_BATCH)
            if not found:
                return count
            last = found[-1].id
        count += len(found)


def _show_count(done: str, name: str, count: int, *, as_json: bool) -> None:
    if as_json:
        show_json({name: count})
    else:
        say(f"{done}: {count} deliveries." if count != 1 else f"{done}: 1 delivery.")
