"""Keep this process on one CPU at a time, and find it another when that one is taken.

Python runs one thread at a time. Where its threads are spread over CPUs, each system call passes the
interpreter's lock from one CPU to another, which costs a worker a third of what it could do
(docs/design/measurements.md). Only where the system knows how: Linux; elsewhere nothing happens.
"""

import os
import socket
import sys
import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import SystemRandom

from provider.infrastructure import event_log

# How much more of our CPU than of another must be used by others before moving is worth it.
_WORTH_MOVING = 0.2
_STAT = Path("/proc/stat")
_TASKS = Path("/proc/self/task")
_chance = SystemRandom()


@dataclass(frozen=True, slots=True)
class Sample:
    """The seconds that each CPU was busy, existed, and worked for us, since some beginning."""

    busy: dict[int, float]
    total: dict[int, float]
    own: float


def take_sample() -> Sample:
    """Read what the system has counted (proc_stat(5))."""
    tick = os.sysconf("SC_CLK_TCK")
    busy, total = {}, {}
    for line in _STAT.read_text().splitlines():
        name, *rest = line.split()
        if name.startswith("cpu") and name != "cpu":
            user, nice, system, idle, iowait, irq, softirq, steal = map(int, rest[:8])
            cpu = int(name.removeprefix("cpu"))
            busy[cpu] = (user + nice + system + irq + softirq + steal) / tick
            total[cpu] = busy[cpu] + (idle + iowait) / tick
    return Sample(busy, total, time.process_time())


def better_cpu(ours: int, allowed: Collection[int], before: Sample, after: Sample) -> int | None:
    """Return the CPU that others use least, if they use ours so much more that moving is worth it.

    An idle worker stays where it is: load elsewhere says little about where it should run.
    """
    own = after.own - before.own

    def share(cpu: int) -> float:
        passed = after.total[cpu] - before.total[cpu]
        spent = after.busy[cpu] - before.busy[cpu] - (own if cpu == ours else 0)
        return spent / passed if passed > 0 else 1.0

    known = [cpu for cpu in allowed if cpu in before.total and cpu in after.total]
    if ours not in known or own < _WORTH_MOVING * (after.total[ours] - before.total[ours]):
        return None
    least = min(known, key=share)
    return least if share(ours) - share(least) > _WORTH_MOVING else None


class OneCPU:
    """The CPU of this process, for all of its threads, including later ones."""

    def __init__(self, family: str = "curfew-worker") -> None:
        # Processes of one family avoid each other's CPUs.
        self._family = family
        self._allowed: list[int] = []
        self._reservation: socket.socket | None = None
        self._before: Sample | None = None
        self.cpu: int | None = None

    def settle(self) -> None:
        """Choose a CPU, if there is a choice: one that no other worker here has reserved, if there is one."""
        if sys.platform != "linux" or not _STAT.exists():
            return
        with suppress(OSError):
            self._allowed = sorted(os.sched_getaffinity(0))
        if len(self._allowed) < 2:
            return
        if not self._move_to_free_one():
            self._stay_on(_chance.choice(self._allowed), None)

    def look(self) -> None:
        """Move if another worker has our CPU, or if others take much of it, and one is free."""
        if self.cpu is None:
            return
        if self._reservation is None and self._move_to_free_one():
            return
        before, self._before = self._before, take_sample()
        if before is None:
            return
        better = better_cpu(self.cpu, self._allowed, before, self._before)
        # Workers in two containers do not see each other's reservations, but both see the load: only one
        # should move.
        if better is not None and _chance.random() < 0.5 and (reservation := self._reserve(better)):
            self._stay_on(better, reservation)
            self._before = None

    def close(self) -> None:
        """Release the reservation of the CPU."""
        if self._reservation is not None:
            self._reservation.close()
            self._reservation = None

    def _move_to_free_one(self) -> bool:
        """Move to a CPU that no other process has reserved; says whether there was one."""
        for cpu in _chance.sample(self._allowed, len(self._allowed)):
            if reservation := self._reserve(cpu):
                self._stay_on(cpu, reservation)
                return True
        return False

    def _stay_on(self, cpu: int, reservation: socket.socket | None) -> None:
        """Bind the process to this CPU; if the system refuses, the process stays unbound."""
        left, self._reservation, self.cpu = self._reservation, reservation, cpu
        try:
            _bind_threads(cpu)
        except OSError as exc:
            event_log.warning("worker_not_on_cpu", cpu=cpu, problem=str(exc))
            left, self._reservation, self.cpu = reservation, left, None
        else:
            event_log.info("worker_on_cpu", cpu=cpu)
        if left is not None:
            left.close()

    def _reserve(self, cpu: int) -> socket.socket | None:
        """Return a reservation that is ours while it is open: a name in the abstract namespace (unix(7))."""
        reservation = None
        try:
            reservation = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            reservation.bind(f"\0{self._family}-on-cpu-{cpu}")
        except OSError:
            if reservation is not None:
                reservation.close()
            return None
        return reservation


def _bind_threads(cpu: int) -> None:
    # An affinity is a thread's, and what a thread starts inherits it.
    os.sched_setaffinity(0, [cpu])
    for task in _TASKS.iterdir():
        # It may have ended meanwhile.
        with suppress(ProcessLookupError):
            os.sched_setaffinity(int(task.name), [cpu])
