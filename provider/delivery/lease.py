"""Lease deliveries: one conditional update, so that two workers never own the same row (DLV-05)."""

from collections.abc import Collection
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Table, Update, bindparam, select, update

from provider.delivery.models import Delivery
from provider.delivery.outgoing import LeasedDelivery
from provider.delivery.permit import Permit
from provider.delivery.queries import (
    NO_REGISTRANT,
    Registrant,
    is_free,
    is_still_pending,
    list_due,
    list_first_due,
)
from provider.delivery.recipient import Recipient
from provider.delivery.selection import Admit, Capacity, Selection, select_fairly
from provider.delivery.workers import mark_of
from provider.infrastructure import clock, current
from provider.infrastructure.built_once import fetch
from provider.infrastructure.database import NOW, Base, connection, is_sqlite
from provider.infrastructure.many_rows import given_ids, insert_later, is_given
from provider.infrastructure.opaque_tokens import new_handle, new_id

# Enough rows to let apps take turns; more would be read and locked in vain.
_READ_AHEAD = 1.5
_LEAST_READ = 32


@dataclass(slots=True)
class LeasedBatch:
    """The leased rows with their permits, the recipients that have to wait, and whether more may be due."""

    taken: list[tuple[LeasedDelivery, Permit]]
    held: set[Recipient]
    may_be_more: bool
    # Whether some have to wait only because no more could be taken.
    is_full: bool = False


def lease_due(
    capacity: Capacity,
    admit: Admit,
    kinds: Collection[str],
    holder: str,
    registrant: Registrant = NO_REGISTRANT,
) -> LeasedBatch:
    """Lease as many due deliveries of these kinds as there is capacity for, urgent first and apps in turn.

    The attempt is counted and its row written in the same transaction, which the caller commits before
    anything is sent: a worker that dies leaves a trace, and its rows are free again when the lease ends.
    `holder` is the name of the worker. The caller releases the permits that `admit` gave for deliveries which
    are not among those taken.
    """
    now, selection = clock.now(), Selection()
    limit = max(_LEAST_READ, int(_READ_AHEAD * capacity.usual))
    due = list_due(now, limit, kinds, registrant)
    select_fairly(due, admit, capacity, selection)
    may_be_more = len(due) == limit or selection.is_full
    if len(due) == limit and len(selection.permits) < capacity.usual:
        # Everything that was read belongs to apps that have to wait: look past them.
        due = list_first_due(now, limit, kinds, registrant, but=selection.held)
        select_fairly([one for one in due if one.id not in selection.permits], admit, capacity, selection)
        may_be_more = bool(due)
    owned = {one.id: one for one in own(selection.permits, now, holder)}
    taken = [(owned[key], permit) for key, permit in selection.permits.items() if key in owned]
    return LeasedBatch(taken, selection.held, may_be_more, selection.is_full)


def own(ids: Collection[UUID], now: datetime, holder: str, *, due: bool = True) -> list[LeasedDelivery]:
    """Lease those of these deliveries that are still pending and free, and count their attempts."""
    if not ids:
        return []
    values = {
        **given_ids(ids),
        "now": now,
        "until": now + current.settings().delivery_lease,
        "token": mark_of(holder) + new_handle(),
    }
    rows = fetch(connection(), _lease(due=due, sqlite=is_sqlite()), values)
    owned = [LeasedDelivery(**dict(zip(_NAMES, row, strict=True))) for row in rows]
    if owned:
        insert_later(_attempts, [_attempt_row(one, now) for one in owned])
    return owned


@cache
def _lease(*, due: bool, sqlite: bool) -> Update:
    wanted = [is_given(Delivery.id, sqlite=sqlite), is_still_pending(), is_free(NOW)]
    wanted += [Delivery.next_attempt_at <= NOW] if due else []
    free = (
        select(Delivery.id)
        .where(*wanted)
        .with_for_update(skip_locked=True)
        # A common table expression with row locks is computed once; a subquery might be planned as a loop.
        .cte("free")
    )
    return (
        update(_table)
        .where(_table.c.id.in_(select(free.c.id)))
        .values(
            attempt_count=_table.c.attempt_count + 1,
            # The result sets it back to zero.
            unfinished_attempts=_table.c.unfinished_attempts + 1,
            leased_until=bindparam("until"),
            lease_token=bindparam("token"),
        )
        .returning(*_RETURNED)
    )


_table: Table = Base.metadata.tables["delivery"]
_attempts: Table = Base.metadata.tables["delivery_attempt"]
_RETURNED = (
    *(_table.c[f.name] for f in fields(LeasedDelivery) if f.name in _table.c),
    _table.c.logout_id.label("cause_id"),
    _table.c.client_id.label("recipient_id"),
    _table.c.attempt_count.label("attempt_number"),
    (_table.c.attempt_count - _table.c.attempts_before_resend).label("try_number"),
)
_NAMES = tuple(column.name for column in _RETURNED)


def _attempt_row(one: LeasedDelivery, now: datetime) -> dict[str, Any]:
    return {"id": new_id(), "delivery_id": one.id, "number": one.attempt_number, "started_at": now}
