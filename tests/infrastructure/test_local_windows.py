"""Attempts counted in this process: as many within a moving window as the limit says."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from limits import parse

from provider.infrastructure.local_windows import LocalWindows, Step

MINUTE = 60
THREE = parse("3 per minute")


@pytest.fixture
def turn(monkeypatch):
    """Turns the clock that the windows look at."""
    now = [time.time()]
    monkeypatch.setattr(time, "time", lambda: now[0])

    def by(seconds: float) -> float:
        now[0] += seconds
        return now[0]

    return by


@pytest.fixture
def windows():
    return LocalWindows()


def hit(windows: LocalWindows, key: str = "ada", *, cost: int = 1) -> bool:
    return windows.first_refused([Step(THREE, (key,), cost)]) is None


def count(windows: LocalWindows, key: str = "ada") -> int:
    return 3 - windows.get_window_stats(THREE, key).remaining


def test_no_more_than_the_limit_within_the_span(windows, turn):
    assert [hit(windows) for _ in range(4)] == [True, True, True, False]
    assert hit(windows, "ben")

    turn(MINUTE + 1)

    assert [hit(windows) for _ in range(4)] == [True, True, True, False]


def test_the_window_moves_with_each_attempt(windows, turn):
    first = turn(0)
    hit(windows)
    turn(40)
    hit(windows, cost=2)
    assert windows.get_window_stats(THREE, "ada") == (first + MINUTE, 0)

    second = turn(30) - 30

    assert windows.get_window_stats(THREE, "ada") == (second + MINUTE, 1)
    assert [hit(windows), hit(windows)] == [True, False]


def test_what_costs_more_than_is_left_counts_nothing(windows):
    hit(windows, cost=2)

    assert not hit(windows, cost=2)
    assert count(windows) == 2
    assert hit(windows)
    assert not hit(windows, "ben", cost=4)
    assert count(windows, "ben") == 0


def test_cleared_attempts_no_longer_count(windows):
    hit(windows, cost=3)

    windows.clear(THREE, "ada")
    windows.clear(THREE, "ben")

    assert (count(windows), hit(windows)) == (0, True)


def test_keys_that_are_over_are_forgotten(windows, turn):
    for number in range(100):
        hit(windows, f"person {number}")
    turn(MINUTE + 1)

    hit(windows)

    assert list(windows._windows) == [THREE.key_for("ada")]


def test_parallel_attempts_are_counted_without_a_thread_of_their_own(windows):
    before = threading.active_count()
    assert hit(windows, "ben")
    assert threading.active_count() == before

    fifty = Step(parse("50 per minute"), ("ada",))
    with ThreadPoolExecutor(8) as pool:
        allowed = list(pool.map(lambda _: windows.first_refused([fifty]) is None, range(200)))

    assert sum(allowed) == 50
