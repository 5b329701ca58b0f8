"""Measures the providers in short turns, so that other load affects all of them alike; medians count."""

import os
import statistics
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.comparison.operations import AT_ONCE, OPERATIONS, SignedOut, Visitor, run, sign_out_of_all
from benchmarks.comparison.processes import cpu_seconds, memory_mb
from benchmarks.comparison.receivers import Receivers
from benchmarks.comparison.subjects import Place, Start, Subject

_COUNTED, _SIGN_OUTS = 24, 3
# Node.js optimises code that has run some thousand times: JWKS took the peer 0.19 ms after 80 requests of a
# kind, and 0.08 ms after thousands.
_WARM_UP = 1.0
# How often each provider has its turn at an operation in a round. On a shared machine the same code takes
# up to twice the CPU for seconds, while others use the same processor.
_TURNS = 10


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


@dataclass(frozen=True, slots=True)
class _Party:
    """A running provider, its visitors, and what is known of it."""

    subject: Subject
    visitors: list[Visitor]
    known: Measured

    def turn(self, act: Callable[[Visitor], None], times: int) -> tuple[float, float, float]:
        """Have an operation done so often; returns seconds: CPU of the server, of the store, on the clock."""
        server, store = cpu_seconds(self.subject.servers), cpu_seconds(self.subject.stores)
        seconds = run(self.visitors, act, times)
        return cpu_seconds(self.subject.servers) - server, cpu_seconds(self.subject.stores) - store, seconds


def measure(starts: Sequence[Start], receivers: Receivers, *, rounds: int, scale: float) -> list[Measured]:
    """Count the round trips of each provider; then start all of them for each round, and measure in turn."""
    driver, core = _cores()
    os.sched_setaffinity(0, {driver})
    found = []
    for start in starts:
        with _started([start], core, receivers, counting=True) as [subject]:
            print(f"  round trips: {subject.name}", flush=True)
            found.append(Measured(subject.name))
            _count_round_trips(subject, found[-1])
    for number in range(rounds):
        with _started(starts, core, receivers) as subjects:
            print(f"  round {number + 1}", flush=True)
            _measure_once(
                [
                    _Party(one, _visitors(one, AT_ONCE), known)
                    for one, known in zip(subjects, found, strict=True)
                ],
                receivers,
                scale,
            )
    return found


@contextmanager
def _started(
    starts: Sequence[Start], core: int, receivers: Receivers, *, counting: bool = False
) -> Iterator[list[Subject]]:
    with ExitStack() as stack:
        subjects = []
        for start in starts:
            folder = stack.enter_context(TemporaryDirectory(prefix="curfew-bench-"))
            place = Place(Path(folder), frozenset({core}), receivers.address, counting=counting)
            subjects.append(stack.enter_context(start(place)))
        yield subjects


def _cores() -> tuple[int, int]:
    """Return the core for the driver and the one for what is measured; the same one if there is no other."""
    available = sorted(os.sched_getaffinity(0))
    return available[0], available[-1]


def _visitors(subject: Subject, count: int) -> list[Visitor]:
    visitors = [Visitor(subject, number) for number in range(count)]
    for visitor in visitors:
        visitor.begin()
    return visitors


def _measure_once(parties: Sequence[_Party], receivers: Receivers, scale: float) -> None:
    for party in parties:
        # Until its code is compiled, its caches are full and its store has statistics.
        _warm_up(party.visitors, 0.1)
        party.subject.settle()
        _warm_up(party.visitors, _WARM_UP)
    for name, (act, times) in OPERATIONS.items():
        samples = _samples(parties, act, _in_all(times, scale / _TURNS))
        for party, sample in zip(parties, samples, strict=True):
            party.known.samples.setdefault(name, []).append(sample)
    for number in range(_SIGN_OUTS):
        for party in parties:
            if party.subject.notifies:
                party.known.sign_outs.append(sign_out_of_all(party.subject, receivers, number))
    for party in parties:
        party.known.memory.append(memory_mb([*party.subject.servers, *party.subject.stores]))
        for visitor in party.visitors:
            visitor.close()


def _samples(parties: Sequence[_Party], act: Callable[[Visitor], None], each: int) -> list[Sample]:
    """Measure one operation of all providers in turns, in each of which it is done `each` times."""
    turns: list[list[tuple[float, float, float]]] = [[] for _ in parties]
    for number in range(_TURNS):
        # Of several equal providers, the one that was always asked first took 3 to 5 % more.
        for index in range(len(parties))[:: -1 if number % 2 else 1]:
            turns[index].append(parties[index].turn(act, each))
    count = each * _TURNS
    totals = [[sum(column) for column in zip(*own, strict=True)] for own in turns]
    return [
        Sample(server / count * 1000, store / count * 1000, count / seconds)
        for server, store, seconds in totals
    ]


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
