"""The health of endpoints, as this worker sees it and as all workers have written it down.

A healthy endpoint costs nothing here: successes are counted in memory, and a row is made or changed
only by failures and by recoveries.
"""

import math
import time
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta

from provider.delivery import breaker, evidence, health_rows
from provider.delivery.attempt import AttemptResult
from provider.delivery.breaker import Tally, Transition
from provider.delivery.known_health import CurrentURLs, KnownHealth
from provider.delivery.limiter import Limiter
from provider.delivery.models import BreakerState, EndpointHealth
from provider.delivery.recipient import Recipient
from provider.delivery.resend import hasten
from provider.infrastructure import clock, current
from provider.infrastructure.database import db, transaction

# Seconds for which counts may stay unwritten.
_WRITE_EVERY = 0.25
# How many deliveries to a recovered endpoint are made due in one transaction.
HASTEN_BATCH = 1000

# Called inside the transaction that makes a transition; `degraded_since` is cleared only afterwards.
Announce = Callable[[EndpointHealth, Transition], None]


class Health:
    """One worker's view of the breakers (DLV-14), which it obeys and changes; used by one thread."""

    def __init__(
        self,
        name: str,
        limiter: Limiter,
        announce: Announce,
        current_urls: CurrentURLs,
        hasten_batch: int = HASTEN_BATCH,
    ) -> None:
        self._name = name
        self._limiter = limiter
        self._announce = announce
        self._hasten_batch = hasten_batch
        self._known = KnownHealth(current_urls)
        self._tallies: dict[Recipient, Tally] = {}
        # Recipients that fail at an origin where another recipient's endpoint has just worked.
        self._alive: set[Recipient] = set()
        # Recipients whose endpoints have recovered, and whose waiting deliveries are not all due yet.
        self._unhastened: set[Recipient] = set()
        self._written_at = self._counted_from = -math.inf

    def count(self, recipient: Recipient, result: AttemptResult | None) -> None:
        """Count an attempt, if a request was sent."""
        if result is None or result.sent is None:
            return
        sent, succeeded = result.sent, bool(result.has_succeeded)
        tally = self._tallies.get(recipient)
        if tally is None:
            tally = self._tallies[recipient] = Tally()
        tally.count(succeeded=succeeded, url=sent.url, outcome=sent.outcome)
        if succeeded:
            self._alive |= self._known.list_failing_beside(recipient, sent.url)

    def refresh(self) -> None:
        """Read what other workers have written, unless that was done recently."""
        self._known.refresh()

    def is_held(self, recipient: Recipient) -> bool:
        """Return whether this worker must not call an endpoint; takes a trial of it if one is due."""
        health = self._known.get(recipient)
        if health is None or health.state == BreakerState.CLOSED:
            return False
        if health.state == BreakerState.RECOVERING and health.holder == self._name:
            return False
        if not (recipient in self._known.new_urls or _is_trial_due(health)):
            return True
        if not self._take_trial(health):
            self._known.expire()
            return True
        self._limiter.restart(recipient)
        return False

    def next_trial_in(self, recipients: Collection[Recipient]) -> float | None:
        """Return in how many seconds a trial of one of these endpoints is due, or None if none is to come."""
        known = [row for row in map(self._known.get, recipients) if row is not None]
        ends = [row.open_until for row in known if row.open_until is not None]
        if not ends:
            return None
        return max(0.0, (min(ends) - clock.now()).total_seconds())

    @property
    def write_in(self) -> float:
        """Seconds until there is something to write."""
        if self._unhastened or self._alive:
            return 0.0
        if not any(tally.failures or key in self._known for key, tally in self._tallies.items()):
            return math.inf
        if any(map(self._is_pressing, self._tallies)):
            return 0.0
        return max(0.0, self._written_at + _WRITE_EVERY - time.monotonic())

    def write(self, *, at_once: bool = False) -> bool:
        """Write at intervals what other workers must know; True if this made more deliveries due.

        With `at_once` nothing is left for later.
        """
        self._write_tallies(at_once=at_once)
        is_more_due = self._open_trials() or bool(self._unhastened)
        while self._unhastened:
            self._hasten_batch_of(min(self._unhastened))
            if not at_once:
                break
        return is_more_due

    def _write_tallies(self, *, at_once: bool) -> None:
        now = time.monotonic()
        if now - self._counted_from > breaker.WINDOW.total_seconds():
            self._counted_from = now
            self._tallies = {key: tally for key, tally in self._tallies.items() if tally.failures}
        worth = sorted(key for key, tally in self._tallies.items() if tally.failures or key in self._known)
        at_once = at_once or any(map(self._is_pressing, worth))
        if not worth or (now - self._written_at < _WRITE_EVERY and not at_once):
            return
        self._written_at = now
        with transaction():
            written, recovered = self._write_rows(worth)
            # In the same transaction as the recovery: this batch is due even if the worker dies right
            # afterwards.
            for recipient in recovered:
                hasten(recipient, self._hasten_batch)
        self._unhastened.update(recovered)
        # New tallies are counted on top of the known rows, so these must be the ones just written.
        for health in written:
            db.session.expunge(health)
            self._known.put(health)
            del self._tallies[health.recipient]

    def _write_rows(self, recipients: list[Recipient]) -> tuple[Sequence[EndpointHealth], list[Recipient]]:
        """Return the rows, and the recipients for which everything that waits is worth an attempt now."""
        wait, now = current.settings().endpoint_probe_wait, clock.now()
        written = health_rows.lock(recipients)
        recovered = [health.recipient for health in written if self._write_row(health, now, wait)]
        db.session.flush()
        return written, recovered

    def _write_row(self, health: EndpointHealth, now: datetime, wait: timedelta) -> bool:
        """Return whether everything that waits for an endpoint is worth an attempt now.

        A failed delivery waits for up to a day, whether or not the breaker has opened. An endpoint that
        refuses some tokens and accepts others has not been failing for long, so its deliveries are not
        hastened.
        """
        before = {"was_failing": health.is_failing, "was_refusing": health.is_refusing}
        failed_since = health.failing_since or now
        made = [breaker.take_in(health, self._tallies[health.recipient], now, wait)]
        made += breaker.transitions_since(health, **before)
        if not health.is_failing:
            made.append(breaker.close(health) if self._has_recovered(health, now) else None)
            made.append(Transition.RECOVERED if health.degraded_since else None)
        for transition in filter(None, made):
            self._announce(health, transition)
        if not health.is_failing:
            health.degraded_since = health.told_at = None
        works = Transition.WORKING in made and health.state == BreakerState.CLOSED
        return Transition.CLOSED in made or (works and failed_since <= now - wait)

    def _has_recovered(self, health: EndpointHealth, now: datetime) -> bool:
        """Return whether this worker's trial is over: the endpoint takes its full load, or nothing is due."""
        if health.state != BreakerState.RECOVERING or health.holder != self._name:
            return False
        health.open_until = now + current.settings().delivery_lease
        if self._limiter.is_at_full(health.recipient):
            return True
        return self._limiter.is_quiet(health.recipient) and not health_rows.has_due(health.recipient, now)

    def _open_trials(self) -> bool:
        """Open trials of failing endpoints at origins where another recipient's endpoint works."""
        now, alive = clock.now(), sorted(self._alive)
        self._alive.clear()
        known = [row for row in map(self._known.get, alive) if row is not None]
        worth = [row.recipient for row in known if evidence.trial_at(row, now) is not None]
        if not worth:
            return False
        with transaction():
            opened = [evidence.open_trial(recipient) for recipient in worth]
        # The known rows are older than what has just been written.
        db.session.expunge_all()
        self._known.expire()
        return any(opened)

    def _hasten_batch_of(self, recipient: Recipient) -> None:
        """Make another batch due; an endpoint for which nothing was left is done."""
        with transaction():
            hastened = hasten(recipient, self._hasten_batch)
        if not hastened:
            self._unhastened.discard(recipient)

    def _is_pressing(self, recipient: Recipient) -> bool:
        """Return whether so many attempts have failed that the breaker must open before the next one."""
        known = self._known.get(recipient)
        before = known.consecutive_failures if known else 0
        return self._tallies[recipient].in_a_row + before >= breaker.FAILURES_IN_A_ROW

    def _take_trial(self, health: EndpointHealth) -> bool:
        now = clock.now()
        until = now + current.settings().delivery_lease
        new_urls = self._known.new_urls
        if not health_rows.take_trial(health, self._name, now=now, until=until, new_urls=new_urls):
            return False
        health.state, health.holder, health.open_until = BreakerState.RECOVERING, self._name, until
        new_urls.pop(health.recipient, None)
        return True


def _is_trial_due(health: EndpointHealth) -> bool:
    return health.open_until is None or health.open_until <= clock.now()
