"""Whether apps were notified of logouts within a minute: judged once, minute by minute, and counted.

A notification is in time if its app accepted it within 60 seconds. A miss is the app's if the app was
unreachable: an attempt failed within that time, its endpoint was already failing, or it has no address. Any
other miss is late, which is the provider's fault. A notification that was cancelled or superseded within the
minute is not counted. A minute is judged when all its notifications are 75 seconds old, and never again
(DEC-24).
"""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Index,
    String,
    and_,
    case,
    delete,
    exists,
    extract,
    func,
    insert,
    or_,
    select,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from provider.clients.queries import client_ids_of
from provider.delivery.judge import Outcome
from provider.delivery.models import Delivery, DeliveryState, EndpointHealth
from provider.infrastructure import clock, current, metrics
from provider.infrastructure.database import (
    Base,
    UTCDateTime,
    after_commit,
    change,
    db,
    is_sqlite,
    reading,
    transaction,
)
from provider.infrastructure.opaque_tokens import first_id_at
from provider.logout.notice import BACKCHANNEL_LOGOUT

IN_TIME = timedelta(seconds=60)
# An attempt that was under way after a minute has ended by then, and so has every transaction.
_SETTLED = timedelta(seconds=75)
MINUTE = timedelta(minutes=1)
# Stands for all clients together.
ALL = UUID(int=0)
# A query must contain exactly this text, or SQLite does not use the index.
MISSED = text("late > 0 OR unreachable > 0")
# How many minutes are judged at once after a time without workers.
_MOST_MINUTES = 60


class Punctuality(StrEnum):
    """The punctuality of one notification."""

    IN_TIME = "in_time"
    LATE = "late"
    UNREACHABLE = "unreachable"


class Grain(StrEnum):
    """The time spans for which counts are kept: each serves one window and is kept a little longer."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"

    @property
    def span(self) -> timedelta:
        """The length of a span."""
        return {Grain.MINUTE: MINUTE, Grain.HOUR: timedelta(hours=1), Grain.DAY: timedelta(days=1)}[self]

    def begin(self, instant: datetime) -> datetime:
        """Return the beginning of the span that contains an instant, in UTC."""
        midnight = instant.replace(hour=0, minute=0, second=0, microsecond=0)
        return instant - (instant - midnight) % self.span


KEPT = {Grain.MINUTE: timedelta(hours=2), Grain.HOUR: timedelta(days=2), Grain.DAY: timedelta(days=35)}


class JudgedMinute(Base):
    """A minute whose notifications have been judged; the latest shows where to continue."""

    __tablename__ = "judged_minute"

    begin: Mapped[datetime] = mapped_column(UTCDateTime, primary_key=True)


class NotificationCount(Base):
    """The numbers of notifications of a client, or of all, that were owed in a span, by punctuality."""

    __tablename__ = "notification_count"
    __table_args__ = (
        Index("ix_notification_count_client_id", "client_id", "grain", "begin"),
        Index("ix_notification_count_missed", "grain", "begin", sqlite_where=MISSED, postgresql_where=MISSED),
    )

    grain: Mapped[str] = mapped_column(String(8), primary_key=True)
    begin: Mapped[datetime] = mapped_column(UTCDateTime, primary_key=True)
    client_id: Mapped[UUID] = mapped_column(primary_key=True)
    in_time: Mapped[int] = mapped_column()
    late: Mapped[int] = mapped_column()
    unreachable: Mapped[int] = mapped_column()


class MissedNotification(Base):
    """A notification that was not in time, for the list behind a number."""

    __tablename__ = "missed_notification"
    __table_args__ = (
        Index("ix_missed_notification_why", "why", "delivery_id"),
        Index("ix_missed_notification_client_id_why", "client_id", "why", "delivery_id"),
    )

    # The id of a delivery, which may be deleted before this row.
    delivery_id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[UUID] = mapped_column()
    why: Mapped[str] = mapped_column(String(16))


def judge() -> bool:
    """Judge the minutes that are over; return whether there are more."""
    for _ in range(_MOST_MINUTES):
        with reading():
            begin = _next_minute()
        if begin + MINUTE + _SETTLED > clock.now():
            return False
        with transaction():
            _judge_minute(begin)
    return True


def prune(limit: int) -> int:
    """Delete counts that no window shows and misses of deleted deliveries; return how many."""
    now, deleted = clock.now(), 0
    for grain, kept in KEPT.items():
        old = and_(NotificationCount.grain == grain, NotificationCount.begin < now - kept)
        found = select(NotificationCount.begin).where(old).order_by(NotificationCount.begin).limit(1)
        if (first := db.session.scalar(found)) is not None:
            oldest = and_(NotificationCount.grain == grain, NotificationCount.begin == first)
            deleted += change(delete(NotificationCount).where(oldest))
    last = select(func.max(JudgedMinute.begin)).scalar_subquery()
    deleted += change(
        delete(JudgedMinute).where(JudgedMinute.begin < now - KEPT[Grain.MINUTE], JudgedMinute.begin < last)
    )
    kept_since = first_id_at(now - current.settings().delivery_retention)
    gone = select(MissedNotification.delivery_id).where(MissedNotification.delivery_id < kept_since)
    ids = list(db.session.scalars(gone.order_by(MissedNotification.delivery_id).limit(limit)))
    if ids:
        deleted += change(delete(MissedNotification).where(MissedNotification.delivery_id.in_(ids)))
    return deleted


def _next_minute() -> datetime:
    """Return the first minute that has not been judged; a new installation starts with the latest one."""
    last: datetime | None = db.session.scalar(select(func.max(JudgedMinute.begin)))
    if last is not None:
        return last + MINUTE
    return Grain.MINUTE.begin(clock.now() - _SETTLED) - MINUTE


def _judge_minute(begin: datetime) -> None:
    """Judge the notifications that were owed in a minute, unless another process has; all in the database."""
    insertion = _insert()(JudgedMinute).values(begin=begin).on_conflict_do_nothing()
    if db.session.scalar(insertion.returning(JudgedMinute.begin)) is None:
        return
    of_minute = and_(
        Delivery.id >= first_id_at(begin),
        Delivery.id < first_id_at(begin + MINUTE),
        Delivery.kind == BACKCHANNEL_LOGOUT,
    )
    verdict = _verdict().label("verdict")
    judged = (
        select(Delivery.id, Delivery.recipient_id.label("client_id"), verdict).where(of_minute).subquery()
    )
    missed = judged.c.verdict.in_([Punctuality.LATE, Punctuality.UNREACHABLE])
    columns = ("delivery_id", "client_id", "why")
    db.session.execute(insert(MissedNotification).from_select(columns, select(judged).where(missed)))
    counted = select(judged.c.client_id, judged.c.verdict, func.count()).where(judged.c.verdict.is_not(None))
    rows = db.session.execute(counted.group_by(judged.c.client_id, judged.c.verdict)).all()
    _add(begin, [(row[0], Punctuality(row[1]), row[2]) for row in rows])


def _add(begin: datetime, counts: list[tuple[UUID, Punctuality, int]]) -> None:
    by_client: dict[UUID, Counter[Punctuality]] = {}
    for client_id, verdict, count in counts:
        by_client.setdefault(client_id, Counter())[verdict] += count
    if not by_client:
        return
    in_all: Counter[Punctuality] = sum(by_client.values(), Counter())
    row = _insert()(NotificationCount)
    own = NotificationCount.__table__.c
    added: dict[str, Any] = {one.value: own[one.value] + row.excluded[one.value] for one in Punctuality}
    key = ["grain", "begin", "client_id"]
    db.session.execute(
        row.on_conflict_do_update(index_elements=key, set_=added),
        list(_rows(begin, by_client | {ALL: in_all})),
    )
    names = client_ids_of(by_client)
    after_commit(lambda: _count({names[key]: found for key, found in by_client.items()}))


def _rows(begin: datetime, counts: dict[UUID, Counter[Punctuality]]) -> Iterator[dict[str, Any]]:
    for grain in Grain:
        for client_id, found in counts.items():
            numbers = {one.value: found[one] for one in Punctuality}
            yield {"grain": grain.value, "begin": grain.begin(begin), "client_id": client_id} | numbers


def _count(counts: dict[str, Counter[Punctuality]]) -> None:
    for client_id, found in counts.items():
        for verdict, count in found.items():
            metrics.NOTIFICATIONS_JUDGED.labels(client_id, verdict.value).inc(count)


def _verdict() -> ColumnElement[str | None]:
    in_time = _within(Delivery.finished_at)
    own_fault = func.coalesce(Delivery.last_outcome, "") == Outcome.CRASHED
    was_failing = exists().where(
        EndpointHealth.kind == Delivery.kind,
        EndpointHealth.recipient_id == Delivery.recipient_id,
        _within(EndpointHealth.failing_since),
    )
    is_unreachable = or_(
        and_(_within(Delivery.first_attempt_at), ~own_fault),
        was_failing,
        func.coalesce(Delivery.last_outcome, "") == "no_address",
    )
    dropped = Delivery.state.in_([DeliveryState.CANCELLED.value, DeliveryState.SUPERSEDED.value])
    return case(
        (and_(Delivery.state == DeliveryState.ACCEPTED.value, in_time), Punctuality.IN_TIME.value),
        (and_(dropped, in_time), None),
        (is_unreachable, Punctuality.UNREACHABLE.value),
        else_=Punctuality.LATE.value,
    )


def _within(instant: Any) -> ColumnElement[bool]:
    """Return whether an instant is at most a minute after the notification was owed; false for NULL."""
    if is_sqlite():
        # SQLite's day numbers are exact to a millisecond; as fractions they are off by some microseconds,
        # depending on the time of day.
        days = func.julianday(instant) - func.julianday(Delivery.created_at)
        seconds: ColumnElement[Any] = func.round(days * 86400, 3)
    else:
        seconds = extract("epoch", instant - Delivery.created_at)
    return func.coalesce(seconds <= IN_TIME.total_seconds(), False)


def _insert() -> Any:
    return sqlite.insert if is_sqlite() else postgresql.insert
