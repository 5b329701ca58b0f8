"""Leased duties: one row each, held by the process that took it, so that no two do the same.

A duty is due when its last run lies long enough ago and no process holds it. Taking it is one
conditional update whose row count is believed.
"""

from datetime import datetime, timedelta

from sqlalchemy import String, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from provider.infrastructure import clock
from provider.infrastructure.database import Base, UTCDateTime, change, db, reading, transaction


class DutyLease(Base):
    """The holder of a periodic duty, the end of its lease, and when the duty was last done."""

    __tablename__ = "duty_lease"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    holder: Mapped[str | None] = mapped_column(String(128))
    held_until: Mapped[datetime | None] = mapped_column(UTCDateTime)
    last_started_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    last_done_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


def take(name: str, *, holder: str, every: timedelta, hold: timedelta) -> bool:
    """Take a duty if it is due and free; True means that this holder must do it now.

    A duty that this holder already holds counts as free: it does one thing at a time, so the database must
    have been away when it tried to report the duty as done.
    """
    now = clock.now()
    with transaction():
        due = or_(DutyLease.last_started_at.is_(None), DutyLease.last_started_at <= now - every)
        over = or_(DutyLease.held_until.is_(None), DutyLease.held_until < now)
        mine = (
            update(DutyLease)
            .where(DutyLease.name == name, due, or_(over, DutyLease.holder == holder))
            .values(holder=holder, held_until=now + hold, last_started_at=now)
        )
        return change(mine) == 1


def release(name: str, *, holder: str, has_more: bool = False) -> None:
    """Say that a duty is done; a holder whose lease has passed to another changes nothing.

    With `has_more` the duty is due again at once.
    """
    values: dict[str, datetime | None] = {"held_until": None, "last_done_at": clock.now()}
    if has_more:
        values["last_started_at"] = None
    with transaction():
        done = update(DutyLease).where(DutyLease.name == name, DutyLease.holder == holder).values(**values)
        change(done)


def free_all_of(holder: str) -> int:
    """Free the duties of a holder that has ended without releasing them; in an open transaction.

    They are due again a period after they were begun: a duty that kills its workers must not do so at once
    again. Returns how many they were.
    """
    held = update(DutyLease).where(DutyLease.holder == holder, DutyLease.held_until.is_not(None))
    return change(held.values(held_until=None))


def ensure(names: list[str]) -> None:
    """Make the rows of duties that have none yet; two processes may do so at once."""
    with reading():
        known = set(db.session.scalars(select(DutyLease.name)))
    for name in names:
        if name in known:
            continue
        try:
            with transaction():
                db.session.add(DutyLease(name=name))
        except IntegrityError:
            # Another process made the row between our look and our insert, which is all we wanted.
            continue
