"""As many jobs run at once as there are slots, whatever has ended or stalled before (DLV-13)."""

import math
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask

from provider.delivery.job_queue import Job, JobQueue
from provider.delivery.limiter import QUICK
from tests.support.waiting import PATIENCE, wait_until


class Acts:
    """Holds each job until it is let go, and notes those that were begun."""

    def __init__(self) -> None:
        self.begun: list[Job] = []
        self._may_end: dict[Any, threading.Event] = {}

    def __call__(self, job: Job) -> None:
        self.begun.append(job)
        assert self._of(job.prepared).wait(PATIENCE)

    def let_go(self, *names: str) -> None:
        for name in names:
            self._of(name).set()

    def _of(self, name: Any) -> threading.Event:
        return self._may_end.setdefault(name, threading.Event())

    @property
    def names(self) -> set[Any]:
        return {job.prepared for job in self.begun}


@pytest.fixture
def acts() -> Acts:
    return Acts()


@pytest.fixture
def jobs(app: Flask, acts: Acts) -> Iterator[JobQueue]:
    jobs = JobQueue(2, 2, acts, lambda: None)
    yield jobs
    acts.let_go("a", "b", "c", "d", "e", "f")
    jobs.close()


def add(jobs: JobQueue, *names: str) -> None:
    def job(name: str) -> Any:
        leased: Any = SimpleNamespace(id=name, recipient=name)
        permit: Any = SimpleNamespace(priority=1, flow=name, place=None, most_at_place=math.inf)
        prepared: Any = name
        return Job(leased, prepared, permit)

    jobs.add([job(name) for name in names])


def begin(jobs: JobQueue, acts: Acts, *names: str) -> None:
    add(jobs, *names)
    wait_until(lambda: set(names) <= acts.names)


def make_late(acts: Acts, *names: str) -> None:
    for job in acts.begun:
        if job.prepared in names:
            job.started_at = time.monotonic() - QUICK


def test_another_one_begins_when_one_has_ended(jobs: JobQueue, acts: Acts) -> None:
    begin(jobs, acts, "a", "b")
    add(jobs, "c")
    add(jobs, "d")

    acts.let_go("a")
    wait_until(lambda: "c" in acts.names)

    assert acts.names == {"a", "b", "c"}


def test_threads_that_were_done_leave_their_slots_and_no_more(jobs: JobQueue, acts: Acts) -> None:
    acts.let_go("a", "b")
    begin(jobs, acts, "a", "b")
    wait_until(lambda: not jobs._active)

    add(jobs, "c", "d", "e")
    wait_until(lambda: {"c", "d"} <= acts.names)
    acts.let_go("c")
    wait_until(lambda: "e" in acts.names)
    add(jobs, "f")

    assert "f" not in acts.names
    assert jobs._active == 2


def test_one_that_was_replaced_takes_no_slot_when_it_ends(jobs: JobQueue, acts: Acts) -> None:
    begin(jobs, acts, "a", "b")
    add(jobs, "c", "d")
    make_late(acts, "a")

    [stalled] = jobs.replace_stalled(2)
    wait_until(lambda: "c" in acts.names)
    acts.let_go("a")
    wait_until(lambda: not jobs.is_silent(stalled.leased.recipient))

    assert stalled.is_stalled
    assert (jobs._active, len(jobs._waiting)) == (2, 1)
    assert acts.names == {"a", "b", "c"}


def test_only_those_that_are_late_are_replaced_the_longest_running_first(jobs: JobQueue, acts: Acts) -> None:
    begin(jobs, acts, "a")
    begin(jobs, acts, "b")
    assert jobs.replace_stalled(2) == []

    make_late(acts, "a", "b")

    assert [job.prepared for job in jobs.replace_stalled(1)] == ["a"]
    assert [job.prepared for job in jobs.replace_stalled(2)] == ["b"]
    assert jobs.replace_stalled(2) == []
