"""Limit how long a sign-out waits for its relying parties before it answers (DEC-02).

rpinitiated §2 sends the person on after the OP has notified the RPs. We read that as follows: all deliveries
are committed, and then the first attempts have ended or the budget is used up. The result page shows which
apps have not confirmed by then.

A wait occupies a thread. So at most half of the threads wait at once, and none waits for an app that would
use up the budget: one whose breaker is not closed, or for which another sign-out has just waited in vain.
"""

import threading
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from itertools import chain, repeat
from uuid import UUID

from provider.infrastructure import current
from provider.infrastructure.database import reading
from provider.logout.notification.progress import Progress, list_untried, progress_of
from provider.logout.steps import LogoutOutcome

# Seconds between looks: a nearby app answers within a few milliseconds.
FIRST_PAUSES, PAUSE = (0.002, 0.005, 0.010), 0.015
# For this long, no sign-out waits for an app that has used up a budget.
_UNTRUSTED_SECONDS = 10.0
_USUAL_THREADS = 16


@dataclass
class _Waits:
    """The waits of one application: the free slots, and the apps to leave out with the time until when."""

    slots: threading.BoundedSemaphore
    slow_until: dict[UUID, float] = field(default_factory=dict)

    def slow_apps(self) -> frozenset[UUID]:
        """Return the apps that are not waited for now."""
        now = time.monotonic()
        return frozenset(app for app, until in self.slow_until.copy().items() if until > now)

    def note_slow(self, apps: Collection[UUID]) -> None:
        """Leave these apps out for a while, and drop the entries that have run out."""
        now = time.monotonic()
        kept = {app: until for app, until in self.slow_until.copy().items() if until > now}
        self.slow_until = kept | dict.fromkeys(apps, now + _UNTRUSTED_SECONDS)


def share_threads(threads: int) -> None:
    """Let at most half of an application's threads wait at once."""
    current.services().memo[_NAME] = _waits_among(threads)


def await_first_attempts(outcome: LogoutOutcome) -> bool:
    """Wait until the first attempts have finished or the budget is used up; True if every app has confirmed.

    If no worker could be woken (there is no broker, and no worker in this process tree), this does not wait:
    the next sweep delivers, and the person need not wait for that.
    """
    if not (outcome.is_worker_woken and current.settings().notify_budget):
        return outcome.notifications == 0
    waits = current.memo(_NAME, lambda: _waits_among(_USUAL_THREADS))
    if not waits.slots.acquire(blocking=False):
        return _look(outcome).unconfirmed == 0
    try:
        return _wait(outcome, waits).unconfirmed == 0
    finally:
        waits.slots.release()


def _wait(outcome: LogoutOutcome, waits: _Waits) -> Progress:
    budget = current.settings().notify_budget.total_seconds()
    deadline = time.monotonic() + budget
    slow = waits.slow_apps()
    for pause in chain(FIRST_PAUSES, repeat(PAUSE)):
        progress = _look(outcome, but=slow)
        if not progress.untried:
            return progress
        if time.monotonic() >= deadline:
            break
        time.sleep(pause)
    if budget:
        with reading():
            waits.note_slow(list_untried(outcome.logout.id))
    return progress


def _look(outcome: LogoutOutcome, *, but: Collection[UUID] = ()) -> Progress:
    with reading():
        return progress_of(outcome.logout.id, but=but)


def _waits_among(threads: int) -> _Waits:
    return _Waits(threading.BoundedSemaphore(max(1, threads // 2)))


_NAME = "sign_out_waits"
