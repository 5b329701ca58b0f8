"""How the endpoints are doing, as this worker sees it and as all of them have written it down.

A healthy endpoint costs nothing here: successes are counted in memory, and a row is made or changed
only by failures and by what ends them.
"""

import math
import time
from collections.abc import Callable, Collection, Mapping
from uuid import UUID

from sqlalchemy import exists, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from provider.delivery import breaker, evidence
from provider.delivery.breaker import Tally, Turn
from provider.delivery.gate import Gate
from provider.delivery.models import BreakerState, Delivery, EndpointHealth
from provider.delivery.queries import due_condition
from provider.delivery.resend import hasten
from provider.infrastructure import clock, current
from provider.infrastructure.database import change, db, is_sqlite, reading, transaction

# How old our knowledge of what others have written may be, and how long our own may wait to be written.
_FRESH_FOR = 1.0
_WRITE_EVERY = 0.25
_HASTENED_AT_ONCE = 1000

# Told of a turn inside the transaction that makes it; the row may have been degraded until now.
Announce = Callable[[EndpointHealth, Turn], None]
# Where these clients are called now.
CurrentURLs = Callable[[Collection[UUID]], Mapping[UUID, str | None]]


class Health:
    """The breakers, as one worker goes by them; used by one thread."""

    def __init__(self, name: str, gate: Gate, announce: Announce, current_urls: CurrentURLs) -> None:
        self._name = name
        self._gate = gate
        self._announce = announce
        self._current_urls = current_urls
        self._tallies: dict[UUID, Tally] = {}
        self._known: dict[UUID, EndpointHealth] = {}
        self._moved: dict[UUID, str | None] = {}
        # Who fails at each host, and who of them is worth a trial because another client there works.
        self._failing_at: dict[str, set[UUID]] = {}
        self._alive: set[UUID] = set()
        # These work again, and not all that waits for them is due yet.
        self._unhastened: set[UUID] = set()
        self._read_at = self._written_at = self._counted_from = -breaker.WINDOW.total_seconds()

    def count(self, client_id: UUID, *, succeeded: bool, url: str, outcome: str) -> None:
        """Count one attempt that was really made."""
        tally = self._tallies.get(client_id)
        if tally is None:
            tally = self._tallies[client_id] = Tally()
        tally.count(succeeded=succeeded, url=url, outcome=outcome)
        if succeeded and self._failing_at:
            self._alive |= self._failing_at.get(_origin_of(url), set()) - {client_id}

    def refresh(self) -> None:
        """Read what others have written, if our knowledge is old."""
        if time.monotonic() - self._read_at < _FRESH_FOR:
            return
        self._read_at = time.monotonic()
        ill = or_(EndpointHealth.failing_since.is_not(None), EndpointHealth.state != BreakerState.CLOSED)
        rows = select(EndpointHealth).where(ill)
        with reading():
            found = db.session.scalars(rows, execution_options={"populate_existing": True}).all()
            shut = {row.client_id: row.url for row in found if row.state != BreakerState.CLOSED}
            urls = self._current_urls(shut) if shut else {}
        db.session.expunge_all()
        self._known = {row.client_id: row for row in found}
        self._failing_at = {}
        for row in found:
            if row.url is not None:
                self._failing_at.setdefault(_origin_of(row.url), set()).add(row.client_id)
        # What was wrong with another address says nothing about this one.
        self._moved = {key: urls.get(key) for key, url in shut.items() if urls.get(key) != url}

    def is_held(self, client_id: UUID) -> bool:
        """Whether an endpoint is to be left in peace by us; takes its trial upon us if one is due."""
        health = self._known.get(client_id)
        if health is None or health.state == BreakerState.CLOSED:
            return False
        if health.state == BreakerState.RECOVERING and health.holder == self._name:
            return False
        if not (client_id in self._moved or self._is_trial_due(health)):
            return True
        if not self._take_trial(client_id):
            self._read_at = -_FRESH_FOR
            return True
        self._gate.restart(client_id)
        return False

    def next_trial_in(self, client_ids: Collection[UUID]) -> float | None:
        """In how many seconds a trial of one of these endpoints is due, or None if none is to come."""
        known = [self._known[key] for key in client_ids if key in self._known]
        ends = [row.open_until for row in known if row.open_until is not None]
        if not ends:
            return None
        return max(0.0, (min(ends) - clock.now()).total_seconds())

    @property
    def write_in(self) -> float:
        """In how many seconds there is something to write down."""
        if self._unhastened or self._alive:
            return 0.0
        if not any(tally.failures or key in self._known for key, tally in self._tallies.items()):
            return math.inf
        if any(map(self._is_pressing, self._tallies)):
            return 0.0
        return max(0.0, self._written_at + _WRITE_EVERY - time.monotonic())

    def write(self, *, at_once: bool = False) -> bool:
        """Write down what others must know, now and then; True if more is due by it.

        `at_once` leaves nothing for later.
        """
        self._write_tallies(at_once=at_once)
        is_more_due = self._open_trials() or bool(self._unhastened)
        while self._unhastened:
            self._hasten_lot(min(self._unhastened))
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
            written, recovered = self._write(worth)
            # With the recovery itself: whatever happens to us afterwards, this much is due.
            for client_id in recovered:
                hasten(client_id, _HASTENED_AT_ONCE)
        self._unhastened.update(recovered)
        # What is known must be no older than what is counted from here on.
        for health in written:
            db.session.expunge(health)
            self._known[health.client_id] = health
            del self._tallies[health.client_id]

    def _open_trials(self) -> bool:
        """Let be tried what fails at a host where another client's endpoint works."""
        now, alive = clock.now(), sorted(self._alive)
        self._alive.clear()
        known = [self._known[key] for key in alive if key in self._known]
        worth = [row.client_id for row in known if evidence.trial_at(row, now) is not None]
        if not worth:
            return False
        with transaction():
            opened = [evidence.open_trial(client_id) for client_id in worth]
        # Ours is older than what is written now.
        db.session.expunge_all()
        self._read_at = -_FRESH_FOR
        return any(opened)

    def _hasten_lot(self, client_id: UUID) -> None:
        """Make some more due; an endpoint for which nothing was left is done with."""
        with transaction():
            hastened = hasten(client_id, _HASTENED_AT_ONCE)
        if not hastened:
            self._unhastened.discard(client_id)

    def _is_pressing(self, client_id: UUID) -> bool:
        """Whether enough has failed to leave an endpoint in peace, so that not one more should."""
        known = self._known.get(client_id)
        before = known.consecutive_failures if known else 0
        return self._tallies[client_id].in_a_row + before >= breaker.FAILURES_IN_A_ROW

    def _write(self, worth: list[UUID]) -> tuple[list[EndpointHealth], list[UUID]]:
        """Return the rows, and the clients for which all that waits is worth an attempt now.

        What has failed waits for up to a day, whether or not it was enough to open the breaker. An endpoint
        that refuses some tokens and accepts others has not been failing for long, and is not hurried.
        """
        wait, now = current.settings().endpoint_probe_wait, clock.now()
        written, recovered = _locked_rows(worth), []
        for health in written:
            before = {"was_failing": health.is_failing, "was_refusing": health.is_refusing}
            failed_since = health.failing_since or now
            turns = [breaker.take_in(health, self._tallies[health.client_id], now, wait)]
            turns += breaker.turns_since(health, **before)
            if health.failing_since is None:
                turns.append(breaker.close(health) if self._has_recovered(health) else None)
                turns.append(Turn.RECOVERED if health.degraded_since else None)
            for turn in filter(None, turns):
                self._announce(health, turn)
            if health.failing_since is None:
                health.degraded_since = health.told_at = None
            works = Turn.WORKING in turns and health.state == BreakerState.CLOSED
            if Turn.CLOSED in turns or (works and failed_since <= now - wait):
                recovered.append(health.client_id)
        db.session.flush()
        return written, recovered

    def _has_recovered(self, health: EndpointHealth) -> bool:
        """Whether a trial of ours is over: the endpoint bears its full load, or nothing more waits for it."""
        if health.state != BreakerState.RECOVERING or health.holder != self._name:
            return False
        now = clock.now()
        health.open_until = now + current.settings().delivery_lease
        if self._gate.is_at_full(health.client_id):
            return True
        waits = exists().where(Delivery.client_id == health.client_id, due_condition(now))
        return self._gate.is_quiet(health.client_id) and not db.session.scalar(select(waits))

    def _is_trial_due(self, health: EndpointHealth) -> bool:
        return health.open_until is None or health.open_until <= clock.now()

    def _take_trial(self, client_id: UUID) -> bool:
        """Take the next trial, if no other worker has; the row count is believed."""
        now = clock.now()
        free = EndpointHealth.open_until <= now
        if client_id in self._moved:
            free = EndpointHealth.url == self._known[client_id].url
        trial = update(EndpointHealth).where(
            EndpointHealth.client_id == client_id, EndpointHealth.state != BreakerState.CLOSED, free
        )
        until = now + current.settings().delivery_lease
        values: dict[str, object] = {
            "state": BreakerState.RECOVERING.value,
            "holder": self._name,
            "open_until": until,
        }
        if client_id in self._moved:
            values["url"] = self._moved[client_id]
        if change(trial.values(values)) != 1:
            return False
        health = self._known[client_id]
        health.state, health.holder, health.open_until = BreakerState.RECOVERING, self._name, until
        self._moved.pop(client_id, None)
        return True


def _locked_rows(client_ids: list[UUID]) -> list[EndpointHealth]:
    """Return the rows, made where there are none, in one order so that two workers never block each other."""
    insert = sqlite.insert if is_sqlite() else postgresql.insert
    rows = [{"client_id": key, "state": "closed", "trips": 0, **_NOTHING} for key in client_ids]
    db.session.execute(insert(EndpointHealth).values(rows).on_conflict_do_nothing())
    wanted = select(EndpointHealth).where(EndpointHealth.client_id.in_(client_ids))
    return list(
        db.session.scalars(
            wanted.order_by(EndpointHealth.client_id).with_for_update(),
            execution_options={"populate_existing": True},
        )
    )


def _origin_of(url: str) -> str:
    return "/".join(url.split("/", 3)[:3]).lower()


_NOTHING = {"consecutive_failures": 0, "refusals": 0, "window_attempts": 0, "window_failures": 0}
