"""The walk that follows a bulk logout: rows are ended one by one and their apps notified, in paced batches.

Each row is ended in a transaction of its own, together with the cursor that passes it. So the
walk goes on with the next row after a crash, and no row is ended or notified twice.
"""

import time
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

from sqlalchemy import update

from provider.audit.record import Actor
from provider.infrastructure import clock, current, event_log, leases
from provider.infrastructure.database import change, db, is_away, reading, transaction
from provider.logout.bulk.queries import count_to_end, find, find_unfinished, list_next
from provider.logout.end_client_session import end_client_session
from provider.logout.end_grant import end_grant
from provider.logout.ending import Cause, LogoutOutcome
from provider.logout.expiry import end_invalid
from provider.logout.models import BulkKind, BulkLogout, BulkPhase, LogoutReason
from provider.sessions.models import ClientSession

# The leased duty's name: its holder walks, a worker or the command that began it.
DUTY = "mass_endings"
# How long a walk goes on before other duties are done; a worker that stops waits no longer.
WALK_SECONDS = 5.0
# A walker that crashed is replaced after this.
_HOLD = timedelta(minutes=1)


class _Stopped(Exception):
    """An operator has stopped the bulk logout meanwhile."""


class _Pace:
    """Keeps the notifications from being owed faster than so many a second, whichever process walks."""

    def __init__(self, bulk: BulkLogout) -> None:
        self._per_second = bulk.pace or current.settings().mass_ending_pace
        self._until = bulk.paced_until

    def after(self, notifications: int) -> datetime | None:
        """Return until when the pace is used up by what is owed now."""
        if notifications:
            now = clock.now()
            self._until = max(self._until or now, now) + timedelta(seconds=notifications / self._per_second)
        return self._until

    def wait(self, deadline: float) -> None:
        """Wait until the pace allows another row, but not beyond the end of this walk."""
        ahead = (self._until - clock.now()).total_seconds() if self._until else 0.0
        time.sleep(max(0.0, min(ahead, deadline - time.monotonic())))


def carry_on_if_free(holder: str, seconds: float = WALK_SECONDS) -> BulkLogout | None:
    """Carry on with the oldest bulk logout, unless there is none or another process is at it."""
    with reading():
        bulk = find_unfinished()
    if bulk is None:
        return None
    leases.ensure([DUTY])
    if not leases.take(DUTY, holder=holder, every=timedelta(0), hold=_HOLD):
        return bulk
    try:
        return carry_on(seconds)
    finally:
        leases.release(DUTY, holder=holder)


def carry_on(seconds: float = WALK_SECONDS) -> BulkLogout | None:
    """Carry on with the oldest bulk logout for a while; returns it as it stands, or None if there is none."""
    with reading():
        bulk = find_unfinished()
    if bulk is None:
        return None
    deadline = time.monotonic() + seconds
    with event_log.correlated(bulk.correlation_id):
        if bulk.total == 0 and bulk.cursor is None:
            _count(bulk)
        while bulk and bulk.is_running and time.monotonic() < deadline:
            _walk_batch(bulk, deadline)
            with reading():
                bulk = find(bulk.id)
    return bulk


def _walk_batch(bulk: BulkLogout, deadline: float) -> None:
    with reading():
        rows = list_next(bulk, current.settings().mass_ending_batch)
    pace = _Pace(bulk)
    for row in rows:
        pace.wait(deadline)
        if time.monotonic() >= deadline or not _end_row(bulk, row, pace):
            return
    if not rows:
        _go_to_next_phase(bulk)


def _end_row(bulk: BulkLogout, row: UUID, pace: _Pace) -> bool:
    """End one row and pass it, also one that cannot be ended. False: an operator has steered meanwhile."""
    try:
        with transaction():
            outcome = _end(bulk, row)
            until = pace.after(outcome.notifications if outcome else 0)
            return _pass(bulk, row, ended=outcome is not None, paced_until=until)
    except _Stopped:
        return False
    except Exception as exc:
        if is_away(exc):
            raise
        # One broken row must not keep the apps of all behind it from being notified.
        event_log.error("mass_ending_row_failed", exc_info=True, mass_ending_id=bulk.id, row=row)
        return _pass_broken(bulk, row, pace)


def _pass_broken(bulk: BulkLogout, row: UUID, pace: _Pace) -> bool:
    try:
        with transaction():
            return _pass(bulk, row, ended=False, paced_until=pace.after(0))
    except _Stopped:
        return False


def _end(bulk: BulkLogout, row: UUID) -> LogoutOutcome | None:
    if bulk.phase == BulkPhase.SESSIONS and bulk.kind != BulkKind.CLIENT:
        return end_invalid(row)
    cause = Cause(
        reason=LogoutReason.ADMIN,
        initiator=cast("Actor", bulk.initiator),
        by=bulk.operator,
        in_bulk=True,
        bulk_logout_id=bulk.id,
    )
    if bulk.phase == BulkPhase.GRANTS:
        # One that has expired since the bulk logout began was still valid then.
        return end_grant(row, cause, as_of=bulk.at)
    return end_client_session(db.session.get_one(ClientSession, row), cause, revoke_offline=True)


def _pass(bulk: BulkLogout, row: UUID, *, ended: bool, paced_until: datetime | None) -> bool:
    """Pass a row in the transaction that ends it; once the stop has committed, none is ended any more.

    False: the pace has been changed, so the walk must look at it anew.
    """
    running = update(BulkLogout).where(BulkLogout.id == bulk.id, BulkLogout.stopped_at.is_(None))
    passed = running.values(cursor=row, done=BulkLogout.done + int(ended), paced_until=paced_until)
    paced = db.session.execute(passed.returning(BulkLogout.pace)).one_or_none()
    if paced is None:
        raise _Stopped
    return bool(paced.pace == bulk.pace)


def _go_to_next_phase(bulk: BulkLogout) -> None:
    """Go on to the grants, or say that it is finished; a second walker that says so too changes nothing."""
    here = update(BulkLogout).where(BulkLogout.id == bulk.id, BulkLogout.phase == bulk.phase)
    with transaction():
        if bulk.phase == BulkPhase.SESSIONS:
            change(here.values(phase=BulkPhase.GRANTS, cursor=None))
        else:
            change(here.values(finished_at=clock.now()))
            event_log.info("mass_ending_finished", mass_ending_id=bulk.id, done=bulk.done)


def _count(bulk: BulkLogout) -> None:
    """Note how many there are to end, apart from the watermark, which is not made to wait for it."""
    with reading():
        total = count_to_end(bulk)
    with transaction():
        change(update(BulkLogout).where(BulkLogout.id == bulk.id).values(total=total))
