"""Take deliveries: one conditional update, so that two workers never own the same row (DLV-05)."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Table, select, update

from provider.delivery.fair import Choice, Most, Waiting, choose
from provider.delivery.gate import Permit
from provider.delivery.models import Delivery
from provider.delivery.outgoing import ClaimedDelivery
from provider.delivery.queries import is_free, is_still_pending, list_due, list_first_due
from provider.infrastructure import clock, current
from provider.infrastructure.database import Base, db
from provider.infrastructure.many_rows import insert_many, is_among
from provider.infrastructure.opaque_tokens import new_handle, new_id

# Enough to choose from, so that the apps have their turns; more would be read and locked in vain.
_READ_AHEAD = 1.5
_LEAST_READ = 32


@dataclass(slots=True)
class Claim:
    """The claimed deliveries with their permits, the clients without one, and whether more may be due."""

    taken: list[tuple[ClaimedDelivery, Permit]]
    held: set[UUID]
    may_be_more: bool
    # Whether some had to wait only because no more could be taken.
    is_full: bool = False


def claim_due(most: Most, take: Callable[[Waiting], Permit | None]) -> Claim:
    """Own up to so many due deliveries: the urgent first, then each app in its turn.

    The attempt is counted and its row written in the same transaction, which the caller commits before
    anything is sent: a worker that dies leaves its trace, and its rows are free again when the lease ends.
    The caller gives back the places that `take` gave for deliveries which are not among those taken.
    """
    now, choice = clock.now(), Choice()
    limit = max(_LEAST_READ, int(_READ_AHEAD * most.usual))
    waiting = list_due(now, limit)
    choose(waiting, take, most, choice)
    may_be_more = len(waiting) == limit or choice.is_full
    if len(waiting) == limit and len(choice.places) < most.usual:
        # All that was read belongs to apps that must wait: look behind them.
        waiting = list_first_due(now, limit, choice.held)
        choose([one for one in waiting if one.id not in choice.places], take, most, choice)
        may_be_more = bool(waiting)
    owned = {one.id: one for one in own(choice.places, now)}
    taken = [(owned[key], end) for key, end in choice.places.items() if key in owned]
    return Claim(taken, choice.held, may_be_more, choice.is_full)


def own(ids: Collection[UUID], now: datetime, *, due: bool = True) -> list[ClaimedDelivery]:
    """Own those of these deliveries that are still to be had."""
    if not ids:
        return []
    wanted = [is_among(Delivery.id, ids), is_still_pending(), is_free(now)]
    wanted += [Delivery.next_attempt_at <= now] if due else []
    free = (
        select(Delivery.id)
        .where(*wanted)
        .with_for_update(skip_locked=True)
        # A common table expression with row locks is computed once; a subquery might be planned as a loop.
        .cte("free")
    )
    claim = (
        update(_table)
        .where(_table.c.id.in_(select(free.c.id)))
        .values(
            attempt_count=_table.c.attempt_count + 1,
            # Whoever judges the attempt sets it back to nothing.
            unfinished_attempts=_table.c.unfinished_attempts + 1,
            leased_until=now + current.settings().delivery_lease,
            lease_token=new_handle(),
        )
        .returning(*_RETURNED)
    )
    mine = [ClaimedDelivery(**row) for row in db.session.connection().execute(claim).mappings()]
    if mine:
        insert_many(_attempts, [_attempt_row(one, now) for one in mine])
    return mine


_table: Table = Base.metadata.tables["delivery"]
_attempts: Table = Base.metadata.tables["delivery_attempt"]
_RETURNED = (
    *(_table.c[f.name] for f in fields(ClaimedDelivery) if f.name in _table.c),
    _table.c.attempt_count.label("attempt_number"),
    (_table.c.attempt_count - _table.c.attempts_before_resend).label("try_number"),
)


def _attempt_row(one: ClaimedDelivery, now: datetime) -> dict[str, Any]:
    return {"id": new_id(), "delivery_id": one.id, "number": one.attempt_number, "started_at": now}
