"""Sign-ins and logouts by hour; a process counts each row once.

The counts up to two minutes ago are kept, so that another look counts only later rows, however many there are
in the hour.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ScalarSelect, func, select

from provider.infrastructure import current
from provider.infrastructure.database import db
from provider.infrastructure.opaque_tokens import first_id_at
from provider.logout.models import Logout
from provider.sessions.models import Session

HOUR = timedelta(hours=1)
HOURS_SHOWN = 24
# Longer than any transaction plus the difference between the hosts' clocks: no older rows can appear.
_SETTLED = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Hour:
    """The sign-ins and logouts of an hour."""

    begin: datetime
    sign_ins: int = 0
    logouts: int = 0


@dataclass(frozen=True, slots=True)
class _Kept:
    """An hour with the counts that are final so far."""

    hour: Hour
    until: datetime

    @property
    def end(self) -> datetime:
        return self.hour.begin + HOUR

    @property
    def is_open(self) -> bool:
        return self.until < self.end


@dataclass(frozen=True, slots=True)
class _Span:
    """Sign-ins and logouts between two instants."""

    sign_ins: int
    logouts: int

    def added_to(self, hour: Hour) -> Hour:
        return Hour(hour.begin, hour.sign_ins + self.sign_ins, hour.logouts + self.logouts)


def count_hours(now: datetime) -> tuple[Hour, ...]:
    """Return the last hours, including the present one, counted in one statement."""
    present = now.replace(minute=0, second=0, microsecond=0)
    begins = [present - back * HOUR for back in reversed(range(HOURS_SHOWN))]
    kept: dict[datetime, _Kept] = current.memo("hours_counted", dict)
    # Other threads write to the dictionary, so this one reads a copy.
    known = dict(kept)
    for begin in known.keys() - set(begins):
        kept.pop(begin, None)
    hours = [known.get(begin) or _Kept(Hour(begin), begin) for begin in begins]
    shown = {one.hour.begin: one.hour for one in hours}
    for settled, whole in _go_on([one for one in hours if one.is_open], now - _SETTLED):
        kept[settled.hour.begin] = settled
        shown[whole.begin] = whole
    return tuple(shown[begin] for begin in begins)


def _go_on(hours: Sequence[_Kept], settled: datetime) -> list[tuple[_Kept, Hour]]:
    """Count the rest of open hours; return each with its final counts so far, and with all counts."""
    parts = [(one.until, max(one.until, min(one.end, settled)), one.end) for one in hours]
    counted = iter(
        _count([span for begin, middle, end in parts for span in ((begin, middle), (middle, end))])
    )
    found = []
    for one, (_begin, middle, _end) in zip(hours, parts, strict=True):
        sure = next(counted).added_to(one.hour)
        found.append((_Kept(sure, middle), next(counted).added_to(sure)))
    return found


def _count(spans: Sequence[tuple[datetime, datetime]]) -> list[_Span]:
    """Count in each span. Served by ix_logout_at and the primary key of sessions, which is in time order."""
    counts = [part for span in spans for part in (_sign_ins(*span), _logouts(*span))]
    row = db.session.execute(select(*counts)).one() if counts else ()
    return [_Span(*row[i : i + 2]) for i in range(0, len(row), 2)]


def _sign_ins(begin: datetime, end: datetime) -> ScalarSelect[int]:
    began = Session.id >= first_id_at(begin), Session.id < first_id_at(end)
    return select(func.count()).select_from(Session).where(*began).scalar_subquery()


def _logouts(begin: datetime, end: datetime) -> ScalarSelect[int]:
    return (
        select(func.count()).select_from(Logout).where(Logout.at >= begin, Logout.at < end).scalar_subquery()
    )
