"""Requests of all kinds at a steady rate, and whether times and memory stay flat.

    python -m benchmarks.mix --minutes 10 --share 0.1

Sign-in pages, introspections and sign-outs arrive at random, at a share of 500, 200 and 20 a second, whether
earlier ones were answered or not; each is timed from its scheduled arrival. A sign-out is of two apps that a
person has signed in to a moment before. Provider and store have one core, the driver has the other; with
--all-cores all of them use every core. Prints a line for each minute, and ends with 1 if there was an error.
"""

import argparse
import math
import os
import random
import secrets
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from queue import SimpleQueue

from benchmarks.comparison.browser import Browser
from benchmarks.comparison.operations import Visitor
from benchmarks.comparison.processes import cpu_seconds, memory_mb
from benchmarks.comparison.receivers import receivers
from benchmarks.comparison.subjects import Place, Subject, curfew_embedded, curfew_on_postgresql

# Requests a second at a share of 1.
RATES = {"page": 500.0, "introspection": 200.0, "sign-out": 20.0}
_THREADS = 48
_SECOND_APP = 1


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request that is due at a time of the steady clock."""

    due: float
    kind: str


@dataclass
class Times:
    """How long requests of each kind took, in milliseconds, and what failed."""

    taken: dict[str, list[float]] = field(default_factory=lambda: {kind: [] for kind in RATES})
    errors: list[str] = field(default_factory=list)


class Driver:
    """Threads that take what has arrived, one request after another."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._arrived: SimpleQueue[Arrival | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._times = Times()
        self._threads = [threading.Thread(target=self._work, args=(number,)) for number in range(_THREADS)]
        for thread in self._threads:
            thread.start()

    def arrive(self, arrival: Arrival) -> None:
        """Let a thread send this request as soon as one is free."""
        self._arrived.put(arrival)

    def times(self) -> Times:
        """Return what was measured since the last look."""
        with self._lock:
            times, self._times = self._times, Times()
            return times

    def stop(self) -> None:
        """Wait for the responses to all that has arrived."""
        for _ in self._threads:
            self._arrived.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self, number: int) -> None:
        one = _Sender(self._subject, number)
        acts: dict[str, Callable[[], Callable[[], None]]] = {
            "page": lambda: one.page,
            "introspection": lambda: one.introspect,
            "sign-out": one.sign_in,
        }
        while (arrival := self._arrived.get()) is not None:
            try:
                # The preparation of a sign-out is not part of its time.
                begun = time.monotonic()
                act = acts[arrival.kind]()
                due = arrival.due + (time.monotonic() - begun)
                act()
            except Exception as exc:  # noqa: BLE001 – printed, and the run has failed.
                with self._lock:
                    self._times.errors.append(f"{arrival.kind}: {exc!r}")
            else:
                with self._lock:
                    self._times.taken[arrival.kind].append((time.monotonic() - due) * 1000)


class _Sender:
    """One thread's connections, and a session whose token is introspected."""

    def __init__(self, subject: Subject, number: int) -> None:
        self._subject = subject
        self._visitor = Visitor(subject, number)
        self._visitor.begin()
        self._person = Visitor(subject, number)
        self._anonymous = Browser(subject.metadata.origin)

    def page(self) -> None:
        """Open the sign-in page in a browser without cookies."""
        self._anonymous.cookies.clear()
        response = self._anonymous.request("GET", self._subject.app(0).request(secrets.token_urlsafe(32)))
        while 300 <= response.status < 400:
            response = self._anonymous.request("GET", response.location)
        assert response.status == 200, response.status

    def introspect(self) -> None:
        """Introspect a token that is active."""
        self._visitor.introspect()

    def sign_in(self) -> Callable[[], None]:
        """Sign in to two apps; returns how to sign out."""
        person, apps = self._person, (self._subject.app(0), self._subject.app(_SECOND_APP))
        person.browser.cookies.clear()
        person.begin()
        verifier = secrets.token_urlsafe(32)
        apps[1].exchange(person.http, apps[1].authorize(person.browser, verifier), verifier)

        def sign_out() -> None:
            apps[0].sign_out(person.browser, person.tokens["id_token"])

        return sign_out


def main() -> None:
    """Run the mix, print what was measured, and exit with 1 after an error."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--minutes", type=int, default=10)
    parser.add_argument("--share", type=float, default=0.1, help="of 500, 200 and 20 requests a second")
    parser.add_argument("--embedded", action="store_true", help="on SQLite, without a broker")
    parser.add_argument("--web-processes", type=int, default=1)
    parser.add_argument("--all-cores", action="store_true", help="driver and provider share all cores")
    given = parser.parse_args()
    start = curfew_embedded if given.embedded else curfew_on_postgresql
    cores = os.sched_getaffinity(0)
    if not given.all_cores:
        os.sched_setaffinity(0, {min(cores)})
        cores = {max(cores)}
    place = partial(Place, cores=frozenset(cores), web_processes=given.web_processes)
    with (
        receivers() as apps,
        tempfile.TemporaryDirectory(prefix="curfew-mix-") as folder,
        start(place(Path(folder), receivers=apps.address)) as subject,
    ):
        failed = _run(subject, given.minutes, given.share)
    sys.exit(1 if failed else 0)


def _run(subject: Subject, minutes: int, share: float) -> int:
    """Print a line for each minute; returns how many requests failed."""
    driver = Driver(subject)
    pids = [*subject.servers, *subject.stores]
    arrivals = _arrivals(share)
    begun = time.monotonic()
    failed, arrival = 0, next(arrivals)
    print(f"| minute | {' | '.join(f'{kind}: median, p99 ms' for kind in RATES)} | CPU | memory |")
    print("|---" * (len(RATES) + 3) + "|")
    for minute in range(1, minutes + 1):
        used = cpu_seconds(pids)
        while arrival.due < minute * 60:
            time.sleep(max(0.0, begun + arrival.due - time.monotonic()))
            driver.arrive(Arrival(begun + arrival.due, arrival.kind))
            arrival = next(arrivals)
        times = driver.times()
        busy = (cpu_seconds(pids) - used) / 60
        cells = [_cell(times.taken[kind]) for kind in RATES]
        print(f"| {minute} | {' | '.join(cells)} | {busy:.0%} | {memory_mb(pids):.0f} MB |", flush=True)
        failed += _report(times.errors)
    driver.stop()
    return failed + _report(driver.times().errors)


def _report(errors: list[str]) -> int:
    for error in errors[:5]:
        print(error)
    return len(errors)


def _arrivals(share: float) -> Iterator[Arrival]:
    """Yield endless arrivals of all kinds in order, each at random at its rate; times begin at 0."""
    chance = random.Random(1)
    due = {kind: chance.expovariate(rate * share) for kind, rate in RATES.items()}
    while True:
        kind = min(due, key=due.__getitem__)
        yield Arrival(due[kind], kind)
        due[kind] += chance.expovariate(RATES[kind] * share)


def _cell(taken: list[float]) -> str:
    if not taken:
        return "none"
    ordered = sorted(taken)
    p99 = ordered[math.ceil(len(ordered) * 0.99) - 1]
    return f"{len(ordered)}: {statistics.median(ordered):.1f}, {p99:.0f}"


if __name__ == "__main__":
    main()
