"""The limits on deliveries: how many are under way at once, to whom, and how fast (DLV-13, DLV-14)."""

from provider.delivery.limiter import Limiter
from provider.delivery.throttle import EndpointThrottle
from tests.delivery.limiters import GREEN, RED, WIDE, limiter, prove, take_all


def test_an_endpoint_of_which_nothing_is_known_gets_one_then_five_then_twenty_five_then_its_share():
    new = limiter(slots=1000)

    waves = []
    for _ in range(4):
        wave = take_all(new, RED)
        waves.append(len(wave))
        for end in wave:
            end.release(True)

    assert waves == [1, 5, 25, 200]


def test_a_failure_sends_an_endpoint_back_to_one_at_a_time():
    known = limiter()
    prove(known, RED)

    end = known.take(RED, 0)
    assert end
    end.release(False)

    assert len(take_all(known, RED)) == 1


def test_one_endpoint_takes_a_fifth_of_the_slots():
    known = limiter(slots=40)
    prove(known, RED)

    assert len(take_all(known, RED)) == 8


def test_no_more_than_so_many_are_under_way_to_an_endpoint():
    known = limiter(endpoint_concurrency=3)
    prove(known, RED)

    taken = take_all(known, RED)
    assert len(taken) == 3

    taken[0].release(True)
    assert len(take_all(known, RED)) == 1


def test_endpoints_at_one_address_share_its_limits():
    known = limiter(address_concurrency=4)
    for client_id in (RED, GREEN):
        prove(known, client_id)
        end = known.take(client_id, 0)
        assert end
        end.release(True, "192.0.2.1")

    assert len(take_all(known, RED)) + len(take_all(known, GREEN)) == 4


def test_addresses_that_are_no_longer_called_are_forgotten():
    restless = limiter(address_concurrency=1)
    prove(restless, RED)
    for number in range(5000):
        end = restless.take(RED, float(number))
        assert end
        end.release(True, f"2001:db8::{number:x}")
    prove(restless, GREEN)
    end = restless.take(GREEN, 6000.0)
    assert end
    end.release(True, "2001:db8::1387")

    assert restless.remembered_addresses <= 1001
    # Both are called at the last of them, where one at a time is allowed.
    assert restless.take(RED, 7000.0)
    assert restless.take(GREEN, 7000.0) is None


def test_it_takes_thirty_one_successes_to_come_up_the_ramp():
    new = EndpointThrottle()

    stages = []
    while not new.is_at_full:
        new.learn(succeeded=True)
        stages.append(new.stage)

    assert [stages.count(stage) for stage in range(1, 4)] == [5, 25, 1]


def test_an_endpoint_that_is_tried_again_begins_with_one_at_a_time():
    known = limiter()
    prove(known, RED)

    known.restart(RED)

    assert len(take_all(known, RED)) == 1


def test_an_endpoint_is_quiet_while_nothing_is_under_way():
    known = limiter()
    assert known.is_quiet(RED)

    end = known.take(RED, 0)
    assert not known.is_quiet(RED)

    assert end
    end.release(True)
    assert known.is_quiet(RED)


def test_with_one_slot_an_endpoint_has_one_attempt_under_way():
    known = Limiter(WIDE, slots=1, permits=8)
    prove(known, RED)

    assert len(take_all(known, RED)) == 1


def test_a_thousand_addresses_are_remembered_before_any_is_forgotten():
    restless = limiter()
    for number in range(1001):
        end = restless.take(RED, float(number))
        assert end
        assert restless.remembered_addresses == number
        end.release(True, f"2001:db8::{number:x}")

    assert restless.remembered_addresses == 1


class TestAPermit:
    def test_that_has_stalled_is_given_back_once(self):
        known = limiter()
        end = known.take(RED, 0)
        assert end

        end.stall()
        end.stall()
        assert (known.active, known.in_flight) == (0, 1)

        end.release(True)
        assert (known.active, known.in_flight) == (0, 0)

    def test_that_was_given_back_does_not_stall_any_more(self):
        known = limiter()
        end = known.take(RED, 0)
        assert end

        end.release(True)
        end.stall()

        assert (known.active, known.in_flight) == (0, 0)
        assert known.take(RED, 0)
