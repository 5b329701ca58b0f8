"""`curfew delivery`: which apps were notified of which logouts, and which endpoints fail."""

from uuid import UUID

import click

from provider.cli.context import fail, with_app
from provider.cli.delivery_changes import cancel, retry
from provider.cli.delivery_records import as_record, client_ids_of, held_until, next_attempt_of
from provider.cli.output import json_option, limit_option, show_json, show_record, show_table
from provider.cli.plain_text import say
from provider.clients import queries as clients
from provider.delivery import degraded, queries
from provider.delivery.models import REFUSING, Delivery, DeliveryState
from provider.logout.notification import outbox

_SHOWN_OF_ENDPOINT = (
    "kind",
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
_SHOWN_OF_ATTEMPT = ("number", "started_at", "finished_at", "url", "jti", "outcome", "status", "latency_ms")


@click.group(
    epilog="""\b
Examples:
  curfew delivery list --state pending
  curfew delivery show 0199c0de-7a55-7c3e-8f00-1b2c3d4e5f60
  curfew delivery retry 0199c0de-7a55-7c3e-8f00-1b2c3d4e5f60
  curfew delivery retry --client red --since 2026-03-01T00:00Z --state expired
  curfew delivery retry --client red      also what a breaker holds
  curfew delivery cancel --client red --reason "the app was shut down"
  curfew delivery endpoints               which clients are failing, and what waits for them
  curfew delivery drain                   delivers what is due, without any broker or worker
"""
)
def delivery() -> None:
    """See which apps were notified of sign-outs; retry or cancel."""


@delivery.command("list", epilog="Example: curfew delivery list --state pending --client red")
@click.option(
    "--state",
    type=click.Choice([*(state.value for state in DeliveryState), REFUSING]),
    help="Only in this state; what is refusing is pending too.",
)
@click.option("--client", "client_id", help="Only to this client.")
@click.option("--logout", "logout_id", type=click.UUID, help="Only of this logout.")
@limit_option()
@json_option
@with_app
def list_(
    *, state: str | None, client_id: str | None, logout_id: UUID | None, limit: int, as_json: bool
) -> None:
    """List the deliveries, newest first."""
    client_pk = clients.get_by_client_id(client_id).id if client_id else None
    if logout_id is not None:
        of_logout = queries.list_caused_by(logout_id)[::-1]
        of_state = [one for one in of_logout if state in (None, one.state, one.shown_state)]
        found = [one for one in of_state if client_pk in (None, one.recipient_id)][:limit]
    else:
        found = queries.list_deliveries(state=state, recipient_id=client_pk, limit=limit)
    names, held = client_ids_of(found), held_until(found)
    if as_json:
        show_json([as_record(one, names, held) for one in found])
        return
    rows = [
        (
            d.id,
            names[d.recipient_id],
            d.shown_state,
            d.attempt_count,
            d.last_outcome,
            next_attempt_of(d, held),
            d.created_at,
        )
        for d in found
    ]
    columns = ("Delivery", "Client", "State", "Attempts", "Last outcome", "Next attempt", "Owed since")
    show_table(columns, rows, empty="No deliveries.")


@delivery.command(epilog="Example: curfew delivery show 0199c0de-7a55-7c3e-8f00-1b2c3d4e5f60 --json")
@click.argument("delivery_id", type=click.UUID)
@json_option
@with_app
def show(*, delivery_id: UUID, as_json: bool) -> None:
    """Show a delivery with every attempt."""
    found = _get(delivery_id)
    shown = as_record(found, client_ids_of([found]), held_until([found]))
    attempts = [
        {name: getattr(attempt, name) for name in _SHOWN_OF_ATTEMPT}
        for attempt in queries.list_attempts(delivery_id)
    ]
    if as_json:
        show_json(shown | {"attempts": attempts})
        return
    show_record(shown)
    show_table(
        _SHOWN_OF_ATTEMPT, [tuple(a.values()) for a in attempts], empty="No attempt has been made yet."
    )


delivery.add_command(retry)
delivery.add_command(cancel)


@delivery.command(epilog="Example: curfew delivery endpoints --json")
@json_option
@with_app
def endpoints(*, as_json: bool) -> None:
    """List the failing clients, with their pending deliveries."""
    found = degraded.list_failing()
    names = client_ids_of(found)
    shown = [
        {"client_id": names[one.recipient_id], "waiting": degraded.count_waiting(one.recipient)}
        | {name: getattr(one, name) for name in _SHOWN_OF_ENDPOINT}
        for one in found
    ]
    if as_json:
        show_json(shown)
        return
    rows = [tuple(one[name] for name in _COLUMNS_OF_ENDPOINT) for one in shown]
    show_table(tuple(_COLUMNS_OF_ENDPOINT.values()), rows, empty="No client is failing.")


@delivery.command(epilog="Example: curfew delivery drain --limit 100")
@click.option("--limit", type=click.IntRange(1, 1_000_000), help="Maximum number of attempts.")
@json_option
@with_app
def drain(*, limit: int | None, as_json: bool) -> None:
    """Deliver everything that is due in this process, without a broker or worker."""
    states = outbox.drain(limit)
    if as_json:
        show_json(dict(states))
    elif states:
        show_table(("State", "Deliveries"), sorted(states.items()), empty="")
    else:
        say("Nothing is due.")


def _get(delivery_id: UUID) -> Delivery:
    try:
        return queries.get(delivery_id)
    except queries.UnknownDelivery:
        fail(f"there is no delivery {delivery_id}")
