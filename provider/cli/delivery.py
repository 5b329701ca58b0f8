"""`curfew delivery`: who was told of which ending, and telling again."""

from collections.abc import Collection
from datetime import datetime
from functools import partial
from uuid import UUID

import click

from provider.audit.record import record
from provider.audit.tags import EventTag
from provider.cli.context import fail, with_app
from provider.cli.delivery_records import as_record, client_ids_of
from provider.cli.logout import read_instant
from provider.cli.output import json_option, show_json, show_record, show_table
from provider.clients import queries as clients
from provider.delivery import degraded, queries
from provider.delivery.models import REFUSING, Delivery, DeliveryState
from provider.delivery.resend import GIVEN_UP, resend, resend_many
from provider.infrastructure import current
from provider.infrastructure.database import after_commit, transaction
from provider.logout import deliver

_SHOWN_OF_ENDPOINT = (
    "url",
    "state",
    "open_until",
    "consecutive_failures",
    "is_refusing",
    "failing_since",
    "degraded_since",
    "last_failed_at",
    "last_outcome",
)
_COLUMNS_OF_ENDPOINT = {
    "client_id": "Client",
    "state": "Breaker",
    "is_refusing": "Refusing",
    "failing_since": "Failing since",
    "degraded_since": "Degraded since",
    "open_until": "Next trial",
    "last_outcome": "Last outcome",
    "waiting": "Waiting",
}
# Sent again in one transaction.
_BATCH = 500
_SHOWN_OF_ATTEMPT = ("number", "started_at", "finished_at", "url", "jti", "outcome", "status", "latency_ms")


def _read(_context: click.Context, _parameter: click.Parameter, text: str | None) -> datetime | None:
    return None if text is None else read_instant(text)


@click.group(
    epilog="""\b
Examples:
  curfew delivery list --state pending
  curfew delivery show 0199c0de-7a55-7c3e-8f00-1b2c3d4e5f60
  curfew delivery retry 0199c0de-7a55-7c3e-8f00-1b2c3d4e5f60
  curfew delivery retry --client red --since 2026-03-01T00:00Z --state expired
  curfew delivery endpoints               which clients are failing, and what waits for them
  curfew delivery drain                   delivers what is due, without any broker or worker
"""
)
def delivery() -> None:
    """See who was told of sign-outs, and tell again."""


@delivery.command("list", epilog="Example: curfew delivery list --state pending --client red")
@click.option(
    "--state",
    type=click.Choice([*(state.value for state in DeliveryState), REFUSING]),
    help="Only in this state; what is refusing is pending too.",
)
@click.option("--client", "client_id", help="Only to this client.")
@click.option("--logout", "logout_id", type=click.UUID, help="Only of this ending.")
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="At most so many."
)
@json_option
@with_app
def list_(
    *, state: str | None, client_id: str | None, logout_id: UUID | None, limit: int, as_json: bool
) -> None:
    """List the deliveries, newest first."""
    client_pk = clients.get_by_client_id(client_id).id if client_id else None
    if logout_id is not None:
        of_logout = queries.list_of_logout(logout_id)[::-1]
        found = [
            d
            for d in of_logout
            if state in (None, d.state, d.shown_state) and client_pk in (None, d.client_id)
        ][:limit]
    else:
        found = queries.list_deliveries(state=state, client_id=client_pk, limit=limit)
    names = client_ids_of(found)
    if as_json:
        show_json([as_record(one, names) for one in found])
        return
    rows = [
        (d.id, names[d.client_id], d.shown_state, d.attempt_count, d.last_outcome, _next(d), d.created_at)
        for d in found
    ]
    columns = ("Delivery", "Client", "State", "Attempts", "Last outcome", "Next attempt", "Owed since")
    show_table(columns, rows, empty="There are no deliveries.")


@delivery.command(epilog="Example: curfew delivery show 0199c0de-7a55-7c3e-8f00-1b2c3d4e5f60 --json")
@click.argument("delivery_id", type=click.UUID)
@json_option
@with_app
def show(*, delivery_id: UUID, as_json: bool) -> None:
    """Show a delivery with every attempt."""
    found = _get(delivery_id)
    shown = as_record(found, client_ids_of([found]))
    attempts = [
        {name: getattr(attempt, name) for name in _SHOWN_OF_ATTEMPT}
        for attempt in queries.list_attempts(delivery_id)
    ]
    if as_json:
        show_json(shown | {"attempts": attempts})
        return
    show_record(shown)
    show_table(_SHOWN_OF_ATTEMPT, [tuple(a.values()) for a in attempts], empty="It was not attempted yet.")


@delivery.command(epilog="Example: curfew delivery retry --client red --state expired")
@click.argument("delivery_id", type=click.UUID, nargs=-1)
@click.option("--client", "client_id", help="All that were given up to this client.")
@click.option("--since", callback=_read, help="All that were given up of endings since then.")
@click.option("--until", callback=_read, help="And before then.")
@click.option(
    "--state",
    type=click.Choice([state.value for state in GIVEN_UP]),
    help="Only what is in this state; otherwise both.",
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
    """Make deliveries due at once; those that were given up start their schedule anew.

    Name the deliveries, or a client, a span of time or both.
    """
    by_range = any((client_id, since, until))
    if bool(delivery_id) == by_range or (delivery_id and state):
        raise click.UsageError("name either deliveries, or a client or a span of time")
    told = {one: _retry_one(one) for one in delivery_id}
    count = len(told)
    if by_range:
        client_pk = clients.get_by_client_id(client_id).id if client_id else None
        states = [DeliveryState(state)] if state else GIVEN_UP
        count = _retry_many(states, client_pk, since, until)
    if as_json:
        show_json({"due_now": count} | ({"deliveries": list(told)} if told else {}))
        return
    for one, name in told.items():
        click.echo(f"Due now: {one} to {name}.")
    if by_range:
        click.echo(f"Due now: {count} deliveries." if count != 1 else "Due now: 1 delivery.")


def _retry_one(delivery_id: UUID) -> str:
    with transaction():
        found = _get(delivery_id)
        if not resend(found):
            fail(f"the delivery {delivery_id} is {found.state}, which needs no repetition")
        names = client_ids_of([found])
        _record_resent(found, names)
        after_commit(partial(_ring, found.logout_id))
    return names[found.client_id]


def _retry_many(
    states: Collection[DeliveryState], client_pk: UUID | None, since: datetime | None, until: datetime | None
) -> int:
    """Send again in batches of one transaction each; one that is interrupted can be repeated."""
    count, last = 0, None
    while True:
        with transaction():
            found = resend_many(
                states=states, client_id=client_pk, since=since, until=until, after=last, limit=_BATCH
            )
            names = client_ids_of(found)
            for one in found:
                _record_resent(one, names)
            if found:
                last = found[-1].id
                after_commit(partial(_ring, found[-1].logout_id))
        count += len(found)
        if len(found) < _BATCH:
            return count


def _record_resent(one: Delivery, names: dict[UUID, str]) -> None:
    record(
        EventTag.DELIVERY_RESENT,
        actor="admin",
        account_id=one.account_id,
        client_id=names[one.client_id],
        logout_id=one.logout_id,
        delivery_id=one.id,
    )


@delivery.command(epilog="Example: curfew delivery endpoints --json")
@json_option
@with_app
def endpoints(*, as_json: bool) -> None:
    """List the clients that are failing, with what is held back for them."""
    found = degraded.list_failing()
    names = client_ids_of(found)
    shown = [
        {"client_id": names[one.client_id], "waiting": degraded.count_waiting(one.client_id)}
        | {name: getattr(one, name) for name in _SHOWN_OF_ENDPOINT}
        for one in found
    ]
    if as_json:
        show_json(shown)
        return
    rows = [tuple(one[name] for name in _COLUMNS_OF_ENDPOINT) for one in shown]
    show_table(tuple(_COLUMNS_OF_ENDPOINT.values()), rows, empty="No client is failing.")


@delivery.command(epilog="Example: curfew delivery drain --limit 100")
@click.option("--limit", type=click.IntRange(1), help="Attempt at most so many.")
@json_option
@with_app
def drain(*, limit: int | None, as_json: bool) -> None:
    """Deliver everything that is due, here and now, without any broker or worker."""
    states = deliver.drain(limit)
    if as_json:
        show_json(dict(states))
    elif states:
        show_table(("State", "Deliveries"), sorted(states.items()), empty="")
    else:
        click.echo("Nothing is due.")


def _ring(logout_id: UUID) -> None:
    # Without a broker nobody is woken, and a worker finds the delivery at its next sweep.
    current.house().doorbell.ring(str(logout_id))


def _get(delivery_id: UUID) -> Delivery:
    try:
        return queries.get(delivery_id)
    except queries.UnknownDelivery:
        fail(f"there is no delivery {delivery_id}")


def _next(one: Delivery) -> object:
    return None if DeliveryState(one.state).is_final else one.next_attempt_at
