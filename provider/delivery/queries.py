"""Queries about deliveries."""

from collections.abc import Collection
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CTE,
    ColumnElement,
    Integer,
    Select,
    String,
    and_,
    bindparam,
    cast,
    false,
    func,
    literal,
    literal_column,
    null,
    or_,
    select,
    true,
    tuple_,
    union_all,
)

from provider.delivery.models import (
    REFUSALS,
    REFUSED_TWICE,
    REFUSING,
    Delivery,
    DeliveryAttempt,
    DeliveryState,
    EndpointHealth,
)
from provider.delivery.recipient import Recipient
from provider.delivery.selection import DueDelivery
from provider.infrastructure.built_once import fetch_together
from provider.infrastructure.database import NOW, connection, db, is_sqlite
from provider.infrastructure.opaque_tokens import first_id_at

# The SQL expression by which a kind finds the registrant of a delivery's recipient.
Registrant = ColumnElement[str | None]
Instant = datetime | ColumnElement[datetime]
NO_REGISTRANT: Registrant = cast(null(), String())
# How long before or after its `created_at` a row's identifier may have been made.
_APART = timedelta(minutes=5)
# In force for the rest of the transaction. The statistics of a quiet day say that nothing waits; during a
# backlog, PostgreSQL would rely on them and read and sort all of it for each lease instead of taking the
# first rows in order.
_NO_VALUES: dict[str, Any] = {}
_BY_INDEX = ((select(func.set_config("enable_sort", "off", true())), _NO_VALUES),)


class UnknownDelivery(Exception):
    """No delivery has this id."""


def is_pending() -> ColumnElement[bool]:
    """Return whether a delivery is unfinished; a literal, as a parameter would hide the partial indexes."""
    return Delivery.state == literal_column(f"'{DeliveryState.PENDING.value}'")


def is_still_pending() -> ColumnElement[bool]:
    """Return whether a delivery that is looked up by its id is not finished.

    Worded differently from the partial indexes: by the statistics of a quiet day, PostgreSQL takes one of
    them to be smaller than the primary key, and reads a whole backlog to find a few rows.
    """
    return func.coalesce(Delivery.state, "") == DeliveryState.PENDING.value


def is_of(kinds: Collection[str]) -> ColumnElement[bool]:
    """Return whether a delivery is of one of these kinds; during an upgrade another release may know more.

    On SQLite it is worded so that no index applies: SQLite would choose ix_delivery_recipient_pending, which
    begins with the kind, and sort a whole backlog to find the first row.
    """
    kind = func.coalesce(Delivery.kind, "") if is_sqlite() else Delivery.kind
    return or_(false(), *(kind == one for one in kinds))


def is_to(recipient: Recipient) -> ColumnElement[bool]:
    """Return whether a delivery is owed to this recipient."""
    return and_(Delivery.kind == recipient.kind, Delivery.recipient_id == recipient.id)


def is_health_of(recipient: Recipient) -> ColumnElement[bool]:
    """Return whether a row is that of a recipient's endpoint. Served by the primary key."""
    return and_(EndpointHealth.kind == recipient.kind, EndpointHealth.recipient_id == recipient.id)


def is_health_among(recipients: Collection[Recipient]) -> ColumnElement[bool]:
    """Return whether a row is that of one of these recipients' endpoints. Served by the primary key."""
    return tuple_(EndpointHealth.kind, EndpointHealth.recipient_id).in_(list(recipients))


def due_condition(now: Instant) -> ColumnElement[bool]:
    """Return whether a delivery's time has come and no worker owns it."""
    return and_(is_pending(), Delivery.next_attempt_at <= now, is_free(now))


def is_free(now: Instant) -> ColumnElement[bool]:
    """Return whether no worker owns a delivery."""
    return or_(Delivery.leased_until.is_(None), Delivery.leased_until < now)


def is_any_due(now: datetime, kinds: Collection[str]) -> bool:
    """Return whether a lease would find anything; a read, which on SQLite keeps no writer waiting."""
    due = select(Delivery.id).where(due_condition(now), is_of(kinds))
    return db.session.scalar(due.limit(1)) is not None


def list_due(
    now: datetime, limit: int, kinds: Collection[str], registrant: Registrant = NO_REGISTRANT
) -> list[DueDelivery]:
    """List due deliveries, urgent and longest waiting ones first. Served by ix_delivery_pending.

    The rows are locked, and rows that another worker has locked are skipped: two workers choose from
    different rows.
    """
    due = _list_due(tuple(kinds), registrant, sqlite=is_sqlite())
    before = () if is_sqlite() else _BY_INDEX
    *_, found = fetch_together(connection(), *before, (due, {"now": now, "most": limit}))
    return [_due_delivery(*row) for row in found]


@lru_cache(maxsize=32)
def _list_due(kinds: tuple[str, ...], registrant: Registrant, *, sqlite: bool) -> Select[Any]:  # noqa: ARG001 – `is_of` asks for it by itself.
    return (
        select(*_due_columns(registrant))
        .where(due_condition(NOW), is_of(kinds))
        .order_by(Delivery.priority, Delivery.next_attempt_at)
        .limit(bindparam("most", type_=Integer))
        .with_for_update(skip_locked=True)
    )


def list_first_due(
    now: datetime,
    limit: int,
    kinds: Collection[str],
    registrant: Registrant = NO_REGISTRANT,
    *,
    but: Collection[Recipient],
) -> list[DueDelivery]:
    """List the first due delivery of each recipient but these. Served by ix_delivery_recipient_pending.

    Its cost grows with the number of recipients, not of waiting deliveries: a hundred thousand deliveries to
    one recipient that must wait do not hide the single delivery to another.
    """
    waiting = _waiting_recipients(kinds)
    first = (
        select(Delivery.id)
        .where(Delivery.kind == waiting.c.kind, Delivery.recipient_id == waiting.c.id, due_condition(now))
        .order_by(Delivery.priority, Delivery.next_attempt_at)
        .limit(1)
        .correlate(waiting)
        .scalar_subquery()
    )
    others = tuple_(waiting.c.kind, waiting.c.id).not_in(but)
    firsts = select(first.label("id")).where(waiting.c.id.is_not(None), others).subquery()
    due = (
        select(*_due_columns(registrant))
        .join(firsts, firsts.c.id == Delivery.id)
        .order_by(Delivery.priority, Delivery.next_attempt_at)
        .limit(limit)
    )
    return [_due_delivery(*row) for row in db.session.execute(due)]


def _waiting_recipients(kinds: Collection[str]) -> CTE:
    """Return the recipients with pending deliveries, each found from the previous one by the index.

    After the last one of a kind comes a row without an identifier.
    """
    firsts = [
        select(literal(kind, Delivery.kind.type).label("kind"), _next_recipient(kind)) for kind in kinds
    ]
    waiting = select(union_all(*firsts).subquery()).cte("waiting", recursive=True)
    following = _next_recipient(waiting.c.kind, Delivery.recipient_id > waiting.c.id)
    return waiting.union_all(select(waiting.c.kind, following).where(waiting.c.id.is_not(None)))


def _next_recipient(kind: Any, *wanted: ColumnElement[bool]) -> ColumnElement[UUID]:
    pending = select(Delivery.recipient_id).where(is_pending(), Delivery.kind == kind, *wanted)
    return pending.order_by(Delivery.recipient_id).limit(1).scalar_subquery().label("id")


def _due_columns(registrant: Registrant) -> tuple[Any, ...]:
    return Delivery.id, Delivery.kind, Delivery.recipient_id, Delivery.priority, registrant


def _due_delivery(
    delivery_id: UUID, kind: str, recipient_id: UUID, priority: int, registrant: str | None
) -> DueDelivery:
    return DueDelivery(delivery_id, Recipient(kind, recipient_id), priority, registrant)


def list_expired(now: datetime, limit: int, kinds: Collection[str]) -> list[UUID]:
    """List deliveries that have lost their meaning, including those that an open breaker holds.

    Served by ix_delivery_expiring.
    """
    expired = select(Delivery.id).where(is_pending(), Delivery.expires_at <= now, is_free(now), is_of(kinds))
    return list(db.session.scalars(expired.order_by(Delivery.expires_at).limit(limit)))


def list_pending_of(recipient_id: UUID, now: datetime, after: UUID | None, limit: int) -> list[UUID]:
    """List the deliveries of any kind that wait for a recipient and are not being attempted.

    `after` is the last id of the batch before. Served by ix_delivery_client_id_pending.
    """
    waiting = select(Delivery.id).where(is_pending(), Delivery.recipient_id == recipient_id, is_free(now))
    if after is not None:
        waiting = waiting.where(Delivery.id > after)
    return list(db.session.scalars(waiting.order_by(Delivery.id).limit(limit)))


def get(delivery_id: UUID) -> Delivery:
    """Return a delivery. Raises UnknownDelivery."""
    delivery = db.session.get(Delivery, delivery_id)
    if delivery is None:
        raise UnknownDelivery(str(delivery_id))
    return delivery


def list_caused_by(cause_id: UUID) -> list[Delivery]:
    """Return the deliveries of one cause, oldest first. Served by ix_delivery_logout_id."""
    caused = select(Delivery).where(Delivery.cause_id == cause_id)
    return list(db.session.scalars(caused.order_by(Delivery.id)))


def list_deliveries(
    *,
    state: str | None = None,
    recipient_id: UUID | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    before: UUID | None = None,
    limit: int = 100,
) -> list[Delivery]:
    """Return deliveries, newest first; `before` is the last id of the page before.

    `refusing` counts as a state here, although such deliveries are also pending. The deliveries to a
    recipient, of any kind, are served by ix_delivery_client_id_created_at, and a span of time by the primary
    key: rows are created in the order of their ids.
    """
    newest = (
        (Delivery.id.desc(),) if recipient_id is None else (Delivery.created_at.desc(), Delivery.id.desc())
    )
    wanted = select(Delivery).order_by(*newest).limit(limit)
    if state == REFUSING:
        wanted = wanted.where(REFUSED_TWICE, Delivery.last_outcome.in_(sorted(REFUSALS)))
    elif state is not None:
        wanted = wanted.where(Delivery.state == state)
    if recipient_id is not None:
        wanted = wanted.where(Delivery.recipient_id == recipient_id)
    if since is not None:
        wanted = wanted.where(Delivery.created_at >= since, Delivery.id >= first_id_at(since - _APART))
    if until is not None:
        wanted = wanted.where(Delivery.created_at < until, Delivery.id < first_id_at(until + _APART))
    if before is not None:
        wanted = wanted.where(Delivery.id < before)
    return list(db.session.scalars(wanted))


def list_attempts(delivery_id: UUID) -> list[DeliveryAttempt]:
    """Return a delivery's attempts in order."""
    attempts = select(DeliveryAttempt).where(DeliveryAttempt.delivery_id == delivery_id)
    return list(db.session.scalars(attempts.order_by(DeliveryAttempt.number)))
