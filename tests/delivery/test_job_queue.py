"""The leased delivery that a thread takes next, and the fate of those whose app goes silent (DLV-13)."""

import math
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask

from provider.delivery.job_queue import Job, JobQueue
from provider.delivery.limiter import URGENT
from tests.support.waiting import PATIENCE, wait_until

RED, GREEN = "red", "green"


class Acts:
    """The acts of a queue's threads, in order; those in `hang` wait until they may go on."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.put_back: list[str] = []
        self.may_end = threading.Event()
        self.hang: set[str] = set()
        # How many jobs had begun each time the queue became quiet.
        self.quiet_after: list[int] = []

    def __call__(self, job: Job) -> None:
        name: Any = job.prepared
        (self.put_back if job.is_put_back else self.begun).append(name)
        if name in self.hang:
            self.may_end.wait(PATIENCE)

    def note_quiet(self) -> None:
        self.quiet_after.append(len(self.begun))


@pytest.fixture
def acts() -> Acts:
    return Acts()


@pytest.fixture
def jobs(app: Flask, acts: Acts) -> Iterator[JobQueue]:
    jobs = JobQueue(1, 1, acts, acts.note_quiet)
    yield jobs
    acts.may_end.set()
    jobs.close()


def job(
    name: str, client: str, priority: int = URGENT + 1, *, place: str | None = None, most: float = math.inf
) -> Any:
    leased: Any = SimpleNamespace(id=name, recipient=client)
    permit: Any = SimpleNamespace(priority=priority, flow=client, place=place, most_at_place=most)
    how: Any = name
    return Job(leased, how, permit)


def test_the_urgent_go_first_and_then_each_app_in_its_turn(jobs: JobQueue, acts: Acts) -> None:
    acts.hang = {"red 1"}
    jobs.add([job(f"red {number}", RED) for number in range(1, 4)])
    wait_until(lambda: acts.begun)

    jobs.add([job("green 1", GREEN), job("urgent", RED, URGENT)])
    acts.may_end.set()

    wait_until(lambda: len(acts.begun) == 5)
    assert acts.begun == ["red 1", "urgent", "green 1", "red 2", "red 3"]


def test_what_is_not_answered_soon_gives_way_and_nothing_more_is_sent_there(
    jobs: JobQueue, acts: Acts
) -> None:
    acts.hang = {"red 1"}
    jobs.add([job("red 1", RED), job("red 2", RED), job("green 1", GREEN)])

    wait_until(lambda: jobs.replace_stalled(1))
    wait_until(lambda: acts.put_back)

    assert acts.begun == ["red 1", "green 1"]
    assert acts.put_back == ["red 2"]


def test_an_app_that_is_heard_of_again_is_sent_more(jobs: JobQueue, acts: Acts) -> None:
    acts.hang = {"red 1"}
    jobs.add([job("red 1", RED)])
    wait_until(lambda: jobs.replace_stalled(1))
    assert (jobs.is_silent(RED), jobs.is_silent(GREEN)) == (True, False)
    acts.may_end.set()
    wait_until(lambda: not jobs.is_silent(RED))

    jobs.add([job("red 2", RED)])

    wait_until(lambda: acts.begun == ["red 1", "red 2"])


def test_no_more_are_sent_to_a_place_than_may_be(jobs: JobQueue, acts: Acts) -> None:
    acts.hang = {"red"}
    place = "https://ingress.test"
    there = [job(name, name, place=place, most=1) for name in ("red", "green")]
    jobs.add([*there, job("other", "other", place="https://other.test", most=1)])

    wait_until(lambda: jobs.replace_stalled(1))
    wait_until(lambda: len(acts.begun) == 2)
    assert (acts.begun, acts.put_back) == (["red", "other"], ["green"])

    acts.may_end.set()
    wait_until(lambda: not jobs.is_silent("red"))  # type: ignore[arg-type]
    jobs.add([job("green", "green", place=place, most=1)])
    wait_until(lambda: acts.begun[2:] == ["green"])


def test_no_more_are_replaced_than_may_be(jobs: JobQueue, acts: Acts) -> None:
    acts.hang = {"red 1"}
    jobs.add([job("red 1", RED), job("green 1", GREEN)])
    wait_until(lambda: acts.begun)

    assert jobs.replace_stalled(0) == []
    assert acts.begun == ["red 1"]


def test_it_is_quiet_when_the_last_job_has_ended(jobs: JobQueue, acts: Acts) -> None:
    acts.hang = {"red 1"}
    jobs.add([job("red 1", RED), job("green 1", GREEN), job("red 2", RED)])
    wait_until(lambda: acts.begun)
    assert acts.quiet_after == []

    acts.may_end.set()

    wait_until(lambda: acts.quiet_after)
    assert acts.quiet_after == [3]


def test_a_job_that_is_stalled_does_not_count_for_quiet(jobs: JobQueue, acts: Acts) -> None:
    acts.hang = {"red 1"}
    jobs.add([job("red 1", RED)])
    wait_until(lambda: jobs.replace_stalled(1))

    assert acts.quiet_after == [1]


def test_it_is_quiet_when_there_was_nothing_to_add(jobs: JobQueue, acts: Acts) -> None:
    jobs.add([])

    assert acts.quiet_after == [0]


def test_a_job_that_fails_is_logged_and_the_next_one_goes_on(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    begun: list[str] = []

    def act(one: Job) -> None:
        begun.append(one.prepared)  # type: ignore[arg-type]
        if one.prepared == "red 1":  # type: ignore[comparison-overlap]
            raise LookupError("out of order")

    jobs = JobQueue(1, 1, act, lambda: None)
    jobs.add([job("red 1", RED), job("red 2", RED)])
    jobs.close()

    assert begun == ["red 1", "red 2"]
    [line] = [one for one in caplog.records if one.message == "job_failed"]
    assert (line.levelname, line.fields, bool(line.exc_info)) == ("ERROR", {"delivery_id": "red 1"}, True)  # type: ignore[attr-defined]
