"""A worker keeps to one CPU, shares it with no other worker, and leaves it when others take it."""

import os
import socket
import subprocess
import sys
from uuid import uuid4

import pytest

from provider.infrastructure.one_cpu import OneCPU, Sample, better_cpu

SETTLED = """
import os, sys, threading
from provider.infrastructure.one_cpu import OneCPU
threading.Thread(target=sys.stdin.read, daemon=True).start()
one = OneCPU(sys.argv[1])
one.settle()
threads = {frozenset(os.sched_getaffinity(int(task))) for task in os.listdir("/proc/self/task")}
print(one.cpu, *(sorted(cpus) for cpus in threads), flush=True)
sys.stdin.read()
"""
linux_with_a_choice = pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2,
    reason="this machine has no CPUs to choose from",
)


@linux_with_a_choice
def test_every_thread_stays_on_a_cpu_that_no_other_worker_has() -> None:
    # Other tests have workers of their own on this machine.
    family = f"test-{uuid4()}"
    started = [
        subprocess.Popen(
            [sys.executable, "-c", SETTLED, family], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    try:
        said = [one.stdout.readline().split(maxsplit=1) for one in started if one.stdout]
    finally:
        for one in started:
            one.communicate()

    for cpu, affinities in said:
        assert affinities.strip() == f"[{cpu}]"
    assert len({cpu for cpu, _ in said}) == 2


@linux_with_a_choice
def test_who_found_no_cpu_of_its_own_takes_the_next_that_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_setaffinity", lambda *_: None)
    family = f"test-{uuid4()}"
    others = {}
    for cpu in os.sched_getaffinity(0):
        others[cpu] = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        others[cpu].bind(f"\0{family}-on-cpu-{cpu}")
    late = OneCPU(family)
    try:
        late.settle()
        late.look()
        cpu, leaving = others.popitem()
        leaving.close()
        late.look()

        assert late.cpu == cpu
    finally:
        late.close()
        for other in others.values():
            other.close()


@linux_with_a_choice
def test_a_system_that_refuses_the_binding_is_tolerated(monkeypatch: pytest.MonkeyPatch, caplog) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "sched_setaffinity", refuse)
    one = OneCPU()
    one.settle()
    one.look()

    assert one.cpu is None
    assert "worker_not_on_cpu" in caplog.text


@pytest.mark.parametrize(
    ("busy", "own", "better"),
    [
        pytest.param({0: 10.0, 1: 0.0}, 10.0, None, id="all that is done here is ours"),
        pytest.param({0: 10.0, 1: 0.0}, 1.0, None, id="we do next to nothing"),
        pytest.param({0: 10.0, 1: 1.0}, 5.0, 1, id="half of it is another's"),
        pytest.param({0: 10.0, 1: 4.0}, 5.0, None, id="the other one is nearly as busy"),
        pytest.param({0: 10.0, 1: 4.0, 2: 0.0}, 5.0, 2, id="the idlest"),
        pytest.param({0: 10.0, 1: 4.0, 3: 0.0}, 5.0, None, id="not allowed there"),
    ],
)
def test_a_cpu_is_left_when_others_take_much_of_it(
    busy: dict[int, float], own: float, better: int | None
) -> None:
    before = Sample(busy=dict.fromkeys(busy, 0.0), total=dict.fromkeys(busy, 0.0), own=0.0)
    after = Sample(busy=busy, total=dict.fromkeys(busy, 10.0), own=own)

    assert better_cpu(0, [0, 1, 2], before, after) == better


def test_a_cpu_that_was_taken_away_is_no_place_to_judge() -> None:
    before = Sample(busy={0: 0.0, 1: 0.0}, total={0: 0.0, 1: 0.0}, own=0.0)
    after = Sample(busy={1: 0.0}, total={1: 10.0}, own=0.0)

    assert better_cpu(0, [0, 1], before, after) is None
