"""Measures the providers in turn, so that other load on the machine affects all alike; medians count."""

import os
import statistics
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.comparison.operations import AT_ONCE, OPERATIONS, SignedOut, Visitor, run, sign_out_of_all
from benchmarks.comparison.processes import cpu_seconds, memory_mb
from benchmarks.comparison.receivers import Receivers
from benchmarks.comparison.subjects import Place, Start, Subject

_COUNTED = 24
# Node.js optimises code that has run some thousand times: JWKS took the peer 0.19 ms after 80 requests of a
# kind, and 0.08 ms after thousands.
_WARM_UP = 3.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One round of one operation: milliseconds of CPU for each, and how many a second."""

    server_ms: float
    store_ms: float
    per_second: float


@dataclass
class Measured:
    """The measurements of one provider."""

    name: str
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    round_trips: dict[str, float] = field(default_factory=dict)
    sign_outs: list[SignedOut] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)

    def median(self, operation: str) -> Sample:
        """Return the medians of an operation's rounds."""
        rounds = self.samples[operation]
        return Sample(
            statistics.median(one.server_ms for one in rounds),
            statistics.median(one.store_ms for one in rounds),
            statistics.median(one.per_second for one in rounds),
        )


def measure(starts: Sequence[Start], receivers: Receivers, *, rounds: int, scale: float) -> list[Measured]:
    """Measure all providers in turn, as often as there are rounds; counts round trips in a pass before."""
    driver, core = _cores()
    os.sched_setaffinity(0, {driver})
    found: dict[int, Measured] = {}
    for number in range(rounds + 1):
        for index, start in enumerate(starts):
            with TemporaryDirectory(prefix="curfew-bench-") as folder:
                place = Place(Path(folder), frozenset({core}), receivers.address, counting=number == 0)
                with _started(start, place) as subject:
                    known = found.setdefault(index, Measured(subject.name))
                    print(f"  round {number}: {subject.name}", flush=True)
                    if number == 0:
                        _count_round_trips(subject, known)
                    else:
                        _measure_once(subject, receivers, known, scale)
    return list(found.values())


def _started(start: Start, place: Place) -> AbstractContextManager[Subject]:
    return start(place)


def _cores() -> tuple[int, int]:
    """Return the core for the driver and the one for what is measured; the same one if there is no other."""
    available = sorted(os.sched_getaffinity(0))
    return available[0], available[-1]


def _visitors(subject: Subject, count: int) -> list[Visitor]:
    visitors = [Visitor(subject, number) for number in range(count)]
    for visitor in visitors:
        visitor.begin()
    return visitors


def _measure_once(subject: Subject, receivers: Receivers, known: Measured, scale: float) -> None:
    visitors = _visitors(subject, AT_ONCE)
    # After a warm-up, a provider has compiled its code and filled its caches, and its store has statistics.
    _warm_up(visitors, 0.1)
    subject.settle()
    _warm_up(visitors, _WARM_UP)
    for name, (act, times) in OPERATIONS.items():
        count = _in_all(times, scale)
        server, store = cpu_seconds(subject.servers), cpu_seconds(subject.stores)
        seconds = run(visitors, act, count)
        server, store = cpu_seconds(subject.servers) - server, cpu_seconds(subject.stores) - store
        sample = Sample(server / count * 1000, store / count * 1000, count / seconds)
        known.samples.setdefault(name, []).append(sample)
    if subject.notifies:
        known.sign_outs += [sign_out_of_all(subject, receivers, number) for number in range(3)]
    known.memory.append(memory_mb([*subject.servers, *subject.stores]))
    for visitor in visitors:
        visitor.close()


def _warm_up(visitors: list[Visitor], scale: float) -> None:
    for act, times in OPERATIONS.values():
        run(visitors, act, _in_all(times, scale))


def _in_all(times: int, scale: float) -> int:
    return max(AT_ONCE, round(times * scale) // AT_ONCE * AT_ONCE)


def _count_round_trips(subject: Subject, known: Measured) -> None:
    """Count the round trips to the store; a provider whose store is a file has none."""
    [visitor] = _visitors(subject, 1)
    for name, (act, _) in OPERATIONS.items():
        run([visitor], act, _COUNTED)
        if not subject.wires:
            continue
        before = sum(wire.count for wire in subject.wires)
        run([visitor], act, _COUNTED)
        known.round_trips[name] = (sum(wire.count for wire in subject.wires) - before) / _COUNTED
    visitor.close()
