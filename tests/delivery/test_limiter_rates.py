"""The rate at which attempts are started, and when there is room again (DLV-13)."""

import pytest

from tests.delivery.limiters import RED, limiter, prove, take_all


def test_no_more_than_so_many_are_started_to_an_endpoint_in_a_second():
    known = limiter(endpoint_rate=5)
    prove(known, RED)
    for end in take_all(known, RED, now=100.0):
        end.release(True)

    assert take_all(known, RED, now=100.9) == []
    assert known.next_room_at(RED) == 101.0
    assert len(take_all(known, RED, now=101.0)) == 5


@pytest.mark.parametrize(("workers", "at_once", "in_a_second"), [(1, 10, 50), (2, 5, 25), (40, 1, 1)])
def test_the_living_workers_share_the_limits(workers, at_once, in_a_second):
    known = limiter(endpoint_concurrency=10, endpoint_rate=50)
    prove(known, RED)
    known.divide_among(workers)

    started = 0
    while taken := take_all(known, RED, now=100.0):
        assert len(taken) <= at_once
        started += len(taken)
        for end in taken:
            end.release(True)

    assert started == in_a_second


def test_fewer_than_one_a_second_is_one_in_several_seconds():
    known = limiter(endpoint_rate=50)
    prove(known, RED)
    known.divide_among(100)

    end = known.take(RED, 100.0)
    assert end
    end.release(True)

    assert known.take(RED, 101.9) is None
    assert known.take(RED, 102.0)


def test_what_was_never_sent_counts_for_nothing():
    known = limiter(endpoint_rate=1)
    prove(known, RED)

    end = known.take(RED, 100.0)
    assert end
    end.release(None)

    assert known.is_quiet(RED)
    assert known.take(RED, 100.0)


class TestWhenThereIsRoomAgain:
    def test_by_the_rate_of_the_endpoint_when_its_oldest_start_is_a_second_back(self):
        known = limiter(endpoint_rate=4)
        prove(known, RED)
        known.divide_among(2)
        assert known.take(RED, 100.0)
        assert known.take(RED, 100.4)

        assert known.take(RED, 100.9) is None
        assert known.next_room_at(RED) == 101.0
        assert known.take(RED, 101.0)

    def test_by_the_rate_of_the_address(self):
        known = limiter(address_rate=4)
        prove(known, RED)
        end = known.take(RED, 0.0)
        assert end
        end.release(True, "192.0.2.1")
        known.divide_among(2)

        assert len(take_all(known, RED, now=100.0)) == 2
        assert known.next_room_at(RED) == 101.0

    def test_by_no_instant_as_long_as_the_rates_are_not_used_up(self):
        known = limiter(endpoint_rate=5)
        assert known.take(RED, 100.0)

        assert known.next_room_at(RED) is None

    @pytest.mark.parametrize(
        ("workers", "a_bit_too_early", "at"),
        [
            pytest.param(3, 100.9, 101.0, id="one a second"),
            pytest.param(2, 100.9, 101.0, id="one and a half a second"),
            pytest.param(6, 101.9, 102.0, id="one in two seconds"),
        ],
    )
    def test_for_a_small_share_of_a_rate(self, workers, a_bit_too_early, at):
        known = limiter(endpoint_rate=3)
        prove(known, RED)
        known.divide_among(workers)
        end = known.take(RED, 100.0)
        assert end
        end.release(True)

        assert known.take(RED, a_bit_too_early) is None
        assert known.next_room_at(RED) == at
        assert known.take(RED, at)
