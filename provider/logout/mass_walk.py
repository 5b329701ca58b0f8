"""What follows a mass ending: the rows are ended one by one and their apps are told, in paced batches.

Each row is ended in a transaction of its own, together with the cursor that passes it. So whoever
carries on after a crash begins with the next row, and none is ended or told of twice.
"""

import time
from datetime import timedelta
from typing import cast
from uuid import UUID

from sqlalchemy import update

from provider.audit.record import Actor
from provider.infrastructure import clock, current, event_log, leases
from provider.infrastructure.database import change, db, end_read, is_away, transaction
from provider.logout.end_client_session import end_share
from provider.logout.end_grant import end_grant
from provider.logout.ending import Cause, LogoutOutcome
from provider.logout.expiry import end_dead
from provider.logout.mass_queries import count_to_end, find, find_unfinished, list_next
from provider.logout.models import LogoutReason, MassEnding, MassKind, MassPhase
from provider.sessions.models import ClientSession

# The leased duty's name: whoever holds it walks, a worker or the command that began it.
DUTY = "mass_endings"
# How long a walk goes on before it lets others have their turn; a worker that stops waits no longer.
TURN_SECONDS = 5.0
# A walker that died is replaced after this.
_HOLD = timedelta(minutes=1)


class _Pace:
    """Keeps the news from being owed faster than so many a second."""

    def __init__(self, per_second: int) -> None:
        self._per_second = per_second
        self._begun = time.monotonic()
        self._owed = 0

    def keep(self, owed: int) -> None:
        self._owed += owed
        ahead = self._begun + self._owed / self._per_second - time.monotonic()
        if ahead > 0:
            time.sleep(ahead)


def carry_on_if_free(holder: str, seconds: float = TURN_SECONDS) -> MassEnding | None:
    """Carry on with the oldest mass ending, unless there is none or somebody else is at it."""
    mass = find_unfinished()
    end_read()
    if mass is None:
        return None
    leases.ensure([DUTY])
    end_read()
    if not leases.take(DUTY, holder=holder, every=timedelta(0), hold=_HOLD):
        return mass
    try:
        return carry_on(seconds)
    finally:
        leases.release(DUTY, holder=holder)


def carry_on(seconds: float = TURN_SECONDS) -> MassEnding | None:
    """Carry on with the oldest mass ending for a while; returns it as it stands, or None if there is none."""
    mass = find_unfinished()
    end_read()
    if mass is None:
        return None
    deadline, pace = time.monotonic() + seconds, _Pace(current.settings().mass_ending_pace)
    with event_log.correlated(mass.correlation_id):
        if mass.total == 0 and mass.cursor is None:
            _count(mass)
        while mass and mass.finished_at is None and time.monotonic() < deadline:
            _walk_batch(mass, deadline, pace)
            mass = find(mass.id)
            end_read()
    return mass


def _walk_batch(mass: MassEnding, deadline: float, pace: _Pace) -> None:
    rows = list_next(mass, current.settings().mass_ending_batch)
    end_read()
    for row in rows:
        pace.keep(_end_row(mass, row))
        if time.monotonic() >= deadline:
            return
    if not rows:
        _go_to_next_phase(mass)


def _end_row(mass: MassEnding, row: UUID) -> int:
    """End one row and pass it; returns how many are to be told. One that cannot be ended is left behind."""
    try:
        with transaction():
            outcome = _end(mass, row)
            _pass(mass, row, ended=outcome is not None)
    except Exception as exc:
        if is_away(exc):
            raise
        # One broken row must not keep all behind it from being told.
        event_log.error("mass_ending_row_failed", exc_info=True, mass_ending_id=mass.id, row=row)
        with transaction():
            _pass(mass, row, ended=False)
        return 0
    return outcome.notifications if outcome else 0


def _end(mass: MassEnding, row: UUID) -> LogoutOutcome | None:
    if mass.phase == MassPhase.SESSIONS and mass.kind != MassKind.CLIENT:
        return end_dead(row)
    cause = Cause(
        reason=LogoutReason.ADMIN,
        initiator=cast("Actor", mass.initiator),
        by=mass.operator,
        in_bulk=True,
        mass_ending_id=mass.id,
    )
    if mass.phase == MassPhase.GRANTS:
        return end_grant(row, cause)
    return end_share(db.session.get_one(ClientSession, row), cause, revoke_offline=True)


def _pass(mass: MassEnding, row: UUID, *, ended: bool) -> None:
    this_one = update(MassEnding).where(MassEnding.id == mass.id)
    change(this_one.values(cursor=row, done=MassEnding.done + int(ended)))


def _go_to_next_phase(mass: MassEnding) -> None:
    """Go on to the grants, or say that it is finished; a second walker that says so too changes nothing."""
    here = update(MassEnding).where(MassEnding.id == mass.id, MassEnding.phase == mass.phase)
    with transaction():
        if mass.phase == MassPhase.SESSIONS:
            change(here.values(phase=MassPhase.GRANTS, cursor=None))
        else:
            change(here.values(finished_at=clock.now()))
            event_log.info("mass_ending_finished", mass_ending_id=mass.id, done=mass.done)


def _count(mass: MassEnding) -> None:
    """Note how many there are to end, apart from the watermark, which is not made to wait for it."""
    total = count_to_end(mass)
    end_read()
    with transaction():
        change(update(MassEnding).where(MassEnding.id == mass.id).values(total=total))
