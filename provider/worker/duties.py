"""The periodic duties: each has an entry in the table below and a leased row in the database.

Any worker may do any duty, and no two do the same at once, so there is no scheduler that could fail.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from provider.audit import anchoring, chain
from provider.audit.record import record
from provider.audit.tags import EventTag
from provider.delivery import resend
from provider.infrastructure import clock, event_log, leases
from provider.infrastructure.database import db, reading, transaction
from provider.infrastructure.database_errors import is_away, log_failure
from provider.keys import lifecycle
from provider.logout import expiry
from provider.logout.bulk import walk as bulk_walk
from provider.logout.notification import punctuality, watch
from provider.worker.pruning import prune
from provider.worker.sweeper import HEARTBEAT

# With the period of the duty, this allows a hundred a second.
EXPIRY_BATCH = 1000
_SEAL_BATCH = 1000
# Longer than any of the duties takes; after this time another worker takes over a dead worker's duty.
_HOLD = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Duty:
    """A duty: its name, how often it is done, and the function that does a bounded piece of it.

    The function returns whether there is more to do; if so, the duty is due at once instead of a period
    later.
    """

    name: str
    every: timedelta
    act: Callable[[], bool | None]


def expire_sessions(batch: int = EXPIRY_BATCH) -> None:
    """End a batch of expired sessions: those of one morning must not flood an app (DEC-06)."""
    with reading():
        expired = expiry.list_expired(batch)
    _end_invalid(expired)


def end_already_revoked() -> None:
    """End sessions that were begun while a logout of all sessions was under way."""
    with reading():
        already_revoked = expiry.list_already_revoked(EXPIRY_BATCH)
    _end_invalid(already_revoked)


def carry_on_bulk_logouts() -> None:
    """Continue the oldest bulk logout that is not finished."""
    bulk_walk.carry_on()


def advance_keys() -> None:
    """Take every step in the life of the signing keys that has become due."""
    with transaction():
        for change in lifecycle.advance():
            record(EventTag(change.event), actor="system", kid=change.kid, alg=change.alg)


def seal_audit() -> bool:
    """Link new audit entries into the chain; return whether there may be more."""
    with transaction():
        return chain.seal(_SEAL_BATCH) >= _SEAL_BATCH


def take_up_rejected() -> None:
    """Continue deliveries that a process of the previous release has rejected during an upgrade."""
    with transaction():
        resend.take_up_rejected()


def _end_invalid(session_ids: Sequence[UUID]) -> None:
    """End invalid sessions in a transaction each; one that fails must not hold up the others."""
    for session_id in session_ids:
        try:
            with event_log.correlated(), transaction():
                expiry.end_invalid(session_id)
        except Exception as exc:
            if is_away(exc):
                raise
            event_log.error("session_not_ended", exc_info=True, session_id=session_id)


DUTIES = (
    Duty("expire_sessions", timedelta(seconds=10), expire_sessions),
    Duty(bulk_walk.DUTY, timedelta(seconds=5), carry_on_bulk_logouts),
    # Its row in the database keeps the name that earlier releases gave it.
    Duty("end_born_dead", timedelta(hours=1), end_already_revoked),
    Duty("seal_audit", timedelta(seconds=10), seal_audit),
    Duty("anchor_audit", timedelta(minutes=1), anchoring.anchor_due),
    Duty("report_degraded", timedelta(minutes=1), watch.report_degraded),
    Duty("judge_notifications", timedelta(minutes=1), punctuality.judge),
    Duty("take_up_rejected", timedelta(minutes=10), take_up_rejected),
    Duty("advance_keys", timedelta(minutes=10), advance_keys),
    Duty("prune", timedelta(minutes=1), prune),
)


class Roster:
    """Does the duties that are due, in one thread of one worker."""

    def __init__(self, holder: str, duties: tuple[Duty, ...] = DUTIES) -> None:
        self._holder = holder
        self._duties = duties
        # When the database was last queried for each duty; it is queried no more often than the duty can be
        # due.
        self._asked_at: dict[str, datetime] = {}
        self._has_rows = False

    def do_due(self, stop: threading.Event) -> None:
        """Do every duty that is due and that no other worker is doing."""
        if not self._has_rows:
            leases.ensure([duty.name for duty in self._duties] + [HEARTBEAT])
            self._has_rows = True
        for duty in self._duties:
            asked_at = self._asked_at.get(duty.name)
            if stop.is_set() or (asked_at is not None and clock.now() - asked_at < duty.every):
                continue
            self._asked_at[duty.name] = clock.now()
            if leases.take(duty.name, holder=self._holder, every=duty.every, hold=_HOLD):
                self._do(duty)

    def _do(self, duty: Duty) -> None:
        has_more = False
        try:
            with event_log.correlated():
                has_more = bool(duty.act())
        except Exception as exc:  # noqa: BLE001 – logged; it must not keep the others from being done.
            log_failure("duty_failed", exc, duty=duty.name)
            db.session.rollback()
        finally:
            leases.release(duty.name, holder=self._holder, has_more=has_more)
            if has_more:
                del self._asked_at[duty.name]
