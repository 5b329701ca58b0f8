"""The walk that follows a bulk logout: rows are ended and their apps notified, as fast as the pace allows.

Rows are ended many at a time, or one by one if another transaction has locked a row or a row is broken; in
either case the cursor passes them in the same transaction. So after a crash the walk continues with the next
row, and no row is ended or notified twice.
"""

import time
from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import cast
from uuid import UUID

from sqlalchemy import update

from provider.audit.record import Actor
from provider.infrastructure import clock, current, event_log, leases
from provider.infrastructure.database import change, db, reading, transaction
from provider.infrastructure.database_errors import is_away, is_deadlock
from provider.logout.bulk import batch
from provider.logout.bulk.queries import count_to_end, find, find_unfinished, list_next
from provider.logout.end_client_session import end_client_session
from provider.logout.end_grant import end_grant
from provider.logout.expiry import end_invalid
from provider.logout.models import BulkKind, BulkLogout, BulkPhase, LogoutReason
from provider.logout.steps import Cause, LogoutOutcome
from provider.sessions.models import ClientSession

# The name of the leased duty: its holder walks, which is a worker or the command that began the logout.
DUTY = "mass_endings"
# How long a walk runs before other duties get their turn; a worker that stops waits no longer than this.
WALK_SECONDS = 5.0
# Rows that end in one transaction stay locked for as long as it takes.
_MOST_AT_ONCE, _BATCHES_A_SECOND = 500, 10
# A walker that crashed is replaced after this.
_HOLD = timedelta(minutes=1)


class _Stopped(Exception):
    """An operator has stopped the bulk logout in the meantime."""


class _Pace:
    """Limits how many notifications are owed per second, whichever process walks."""

    def __init__(self, bulk: BulkLogout) -> None:
        self._per_second = bulk.pace or current.settings().bulk_logout_pace
        self._until = bulk.paced_until
        self._begun = clock.now()

    @property
    def rows_at_once(self) -> int:
        """The number of rows that may end at once, so that their notifications come evenly."""
        return max(1, min(_MOST_AT_ONCE, self._per_second // _BATCHES_A_SECOND))

    def after(self, notifications: int) -> datetime | None:
        """Return until when these notifications use up the pace.

        It counts from when the rows began to end: the time that this took is part of the wait.
        """
        if notifications:
            begun = max(self._until or self._begun, self._begun)
            self._until = begun + timedelta(seconds=notifications / self._per_second)
        return self._until

    def wait(self, deadline: float) -> None:
        """Wait until the pace allows another row, but not beyond the end of this walk."""
        ahead = (self._until - clock.now()).total_seconds() if self._until else 0.0
        time.sleep(max(0.0, min(ahead, deadline - time.monotonic())))
        self._begun = clock.now()


def carry_on_if_free(holder: str, seconds: float = WALK_SECONDS) -> BulkLogout | None:
    """Continue the oldest bulk logout, unless there is none or another process is working on it."""
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
    """Continue the oldest bulk logout for a while; return it as it stands, or None if there is none."""
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
        rows = list_next(bulk, current.settings().bulk_logout_batch)
    pace = _Pace(bulk)
    waiting = deque(rows)
    while waiting:
        pace.wait(deadline)
        if time.monotonic() >= deadline or not _end_next(bulk, waiting, pace):
            return
    if not rows:
        _go_to_next_phase(bulk)


def _end_next(bulk: BulkLogout, waiting: deque[UUID], pace: _Pace) -> bool:
    """End the next rows at once, or the next one alone. False: an operator has steered in the meantime."""
    at_once = list(islice(waiting, pace.rows_at_once))
    if len(at_once) > 1:
        passed, goes_on = _end_many(bulk, at_once, pace)
        for _ in range(passed):
            waiting.popleft()
        if passed or not goes_on:
            return goes_on
    # The next row is locked elsewhere, so wait for it, or one of the rows is broken.
    return _end_row(bulk, waiting.popleft(), pace)


def _end_many(bulk: BulkLogout, rows: Sequence[UUID], pace: _Pace) -> tuple[int, bool]:
    """End rows in one transaction and pass those before the first that is locked elsewhere.

    Returns how many it passed, 0 if a row is broken, and whether the walk may continue.
    """
    try:
        with transaction():
            ended = _end_batch(bulk, rows)
            if not ended.passed:
                return 0, True
            until = pace.after(ended.notifications)
            goes_on = _pass(bulk, rows[ended.passed - 1], ended=ended.ended, paced_until=until)
            return ended.passed, goes_on
    except _Stopped:
        return 0, False
    except Exception as exc:
        if is_away(exc) and not is_deadlock(exc):
            raise
        # Ending them row by row finds the broken one, which is logged with its error.
        event_log.warning("mass_ending_batch_failed", kind=type(exc).__name__, mass_ending_id=bulk.id)
        return 0, True


def _end_row(bulk: BulkLogout, row: UUID, pace: _Pace) -> bool:
    """End one row and pass it even if it cannot be ended. False: an operator has steered in the meantime."""
    try:
        with transaction():
            outcome = _end(bulk, row)
            until = pace.after(outcome.notifications if outcome else 0)
            return _pass(bulk, row, ended=int(outcome is not None), paced_until=until)
    except _Stopped:
        return False
    except Exception as exc:
        if is_away(exc):
            raise
        # A broken row must not keep the apps of all later rows from being notified.
        event_log.error("mass_ending_row_failed", exc_info=True, mass_ending_id=bulk.id, row=row)
        return _pass_broken(bulk, row, pace)


def _pass_broken(bulk: BulkLogout, row: UUID, pace: _Pace) -> bool:
    try:
        with transaction():
            return _pass(bulk, row, ended=0, paced_until=pace.after(0))
    except _Stopped:
        return False


def _end(bulk: BulkLogout, row: UUID) -> LogoutOutcome | None:
    if _walks_sessions(bulk):
        return end_invalid(row)
    if bulk.phase == BulkPhase.GRANTS:
        # A grant that has expired since the bulk logout began was still valid then.
        return end_grant(row, _cause(bulk), as_of=bulk.at)
    return end_client_session(db.session.get_one(ClientSession, row), _cause(bulk), revoke_offline=True)


def _end_batch(bulk: BulkLogout, rows: Sequence[UUID]) -> batch.Ended:
    if _walks_sessions(bulk):
        return batch.end_sessions(rows)
    if bulk.phase == BulkPhase.GRANTS:
        return batch.end_grants(rows, _cause(bulk), as_of=bulk.at)
    return batch.end_client_sessions(rows, _cause(bulk))


def _walks_sessions(bulk: BulkLogout) -> bool:
    return bulk.phase == BulkPhase.SESSIONS and bulk.kind != BulkKind.CLIENT


def _cause(bulk: BulkLogout) -> Cause:
    return Cause(
        reason=LogoutReason.ADMIN,
        initiator=cast("Actor", bulk.initiator),
        by=bulk.operator,
        in_bulk=True,
        bulk_logout_id=bulk.id,
    )


def _pass(bulk: BulkLogout, row: UUID, *, ended: int, paced_until: datetime | None) -> bool:
    """Move the cursor past the given row, in the transaction that ends it and the rows before it.

    Once an operator's stop has been committed, no more rows are ended.

    False: the pace has been changed, so the walk must read it again.
    """
    running = update(BulkLogout).where(BulkLogout.id == bulk.id, BulkLogout.stopped_at.is_(None))
    passed = running.values(cursor=row, done=BulkLogout.done + ended, paced_until=paced_until)
    paced = db.session.execute(passed.returning(BulkLogout.pace)).one_or_none()
    if paced is None:
        raise _Stopped
    return bool(paced.pace == bulk.pace)


def _go_to_next_phase(bulk: BulkLogout) -> None:
    """Move on to the grants, or mark the logout as finished; a second walker that does so changes nothing."""
    here = update(BulkLogout).where(BulkLogout.id == bulk.id, BulkLogout.phase == bulk.phase)
    with transaction():
        if bulk.phase == BulkPhase.SESSIONS:
            change(here.values(phase=BulkPhase.GRANTS, cursor=None))
        else:
            change(here.values(finished_at=clock.now()))
            event_log.info("mass_ending_finished", mass_ending_id=bulk.id, done=bulk.done)


def _count(bulk: BulkLogout) -> None:
    """Store how many rows there are to end; a separate step, so that the watermark need not wait for it."""
    with reading():
        total = count_to_end(bulk)
    with transaction():
        change(update(BulkLogout).where(BulkLogout.id == bulk.id).values(total=total))
