"""Results wait a moment for each other, unless nothing more is under way that may end soon."""

import pytest

from provider.delivery import results
from provider.delivery.attempt import AttemptResult
from provider.delivery.judge import Accepted
from tests.delivery.recorded import Recorded, lease, sent
from tests.support.waiting import PATIENCE, wait_until

ACCEPTED = AttemptResult(Accepted("accepted"), sent("accepted"))


def test_all_that_end_before_it_is_quiet_are_written_together(
    owner: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "_GATHERED_FOR", PATIENCE)
    for one in lease(3):
        owner.results.add(one, ACCEPTED)

    owner.results.write_now()

    wait_until(lambda: not owner.results.is_busy)
    assert owner.batches == [3]


def test_no_more_wait_than_are_written_at_once(owner: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "_GATHERED_FOR", PATIENCE)
    monkeypatch.setattr(results, "_WRITTEN_AT_ONCE", 2)
    for one in lease(4):
        owner.results.add(one, ACCEPTED)

    wait_until(lambda: not owner.results.is_busy)
    assert owner.batches == [2, 2]


def test_a_result_waits_no_longer_than_a_moment(owner: Recorded) -> None:
    [one] = lease(1)
    owner.results.add(one, ACCEPTED)

    wait_until(lambda: not owner.results.is_busy)
    assert owner.batches == [1]


def test_quiet_from_before_does_not_count(owner: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "_GATHERED_FOR", PATIENCE)
    first, second = lease(2)
    owner.results.write_now()
    owner.results.add(first, ACCEPTED)
    owner.results.add(second, ACCEPTED)

    owner.results.write_now()

    wait_until(lambda: not owner.results.is_busy)
    assert owner.batches == [2]
