"""How many deliveries may be under way at once, to whom, and how fast (DLV-13, DLV-14)."""

from uuid import UUID, uuid4

import pytest

from provider.delivery.limiter import URGENT, Limiter, Limits
from provider.delivery.permit import Permit
from provider.delivery.throttle import EndpointThrottle

RED, GREEN = uuid4(), uuid4()
WIDE = Limits(endpoint_concurrency=1000, endpoint_rate=10_000, address_concurrency=1000, address_rate=10_000)


def limiter(slots: int = 100, **limits: int) -> Limiter:
    values = {name: getattr(WIDE, name) for name in Limits.__dataclass_fields__} | limits
    return Limiter(Limits(**values), slots=slots, permits=slots)


def take_all(limiter: Limiter, client_id: UUID, now: float = 0.0) -> list[Permit]:
    """Take as many permits on the way to an endpoint as there are."""
    taken = []
    while end := limiter.take(client_id, now):
        taken.append(end)
    return taken


def prove(limiter: Limiter, client_id: UUID, now: float = -1000.0) -> None:
    """Let an endpoint come up the whole ramp."""
    while not limiter.is_at_full(client_id):
        end = limiter.take(client_id, now)
        assert end
        end.release(True, None)
        now += 1


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


def test_many_that_are_unproven_leave_half_of_the_slots_to_the_others():
    new = limiter(slots=20)
    prove(new, GREEN)

    taken = [new.take(uuid4(), 0) for _ in range(20)]

    assert len([end for end in taken if end]) == 10
    assert len(take_all(new, GREEN)) == 4


def test_no_more_than_so_many_are_under_way_to_an_endpoint():
    known = limiter(endpoint_concurrency=3)
    prove(known, RED)

    taken = take_all(known, RED)
    assert len(taken) == 3

    taken[0].release(True)
    assert len(take_all(known, RED)) == 1


def test_no_more_than_so_many_are_started_to_an_endpoint_in_a_second():
    known = limiter(endpoint_rate=5)
    prove(known, RED)
    for end in take_all(known, RED, now=100.0):
        end.release(True)

    assert take_all(known, RED, now=100.9) == []
    assert known.next_room_at(RED) == 101.0
    assert len(take_all(known, RED, now=101.0)) == 5


def test_endpoints_at_one_address_share_its_limits():
    known = limiter(address_concurrency=4)
    for client_id in (RED, GREEN):
        prove(known, client_id)
        end = known.take(client_id, 0)
        assert end
        end.release(True, "192.0.2.1")

    assert len(take_all(known, RED)) + len(take_all(known, GREEN)) == 4


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


def test_addresses_where_nobody_is_called_any_more_are_forgotten():
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


def test_a_stalled_attempt_gives_its_slot_to_others_and_its_app_gets_no_more():
    busy = limiter(slots=10)
    for client_id in (RED, GREEN):
        prove(busy, client_id)
    hanging = take_all(busy, RED)

    for permit in hanging:
        permit.stall()

    assert busy.take(RED, 1.0) is None
    assert (busy.active, busy.in_flight) == (0, len(hanging))
    hanging[0].release(True)
    # It has answered, though late: it goes on, but counts among those that have proved nothing.
    assert busy.take(RED, 2.0)


def test_an_endpoint_is_proven_only_while_its_latest_answer_was_quick():
    known = limiter(slots=20)
    slow = [uuid4() for _ in range(20)]
    for client_id in slow:
        prove(known, client_id)
        permit = known.take(client_id, 0)
        assert permit
        permit.stall()
        permit.release(True)

    assert len([one for one in slow if known.take(one, 1.0)]) == 10
    quick = uuid4()
    prove_one = known.take(quick, 1.0)
    assert prove_one is None


def test_the_apps_of_one_registrant_share_what_one_app_may_take():
    known = limiter(slots=20)
    theirs = [uuid4() for _ in range(20)]

    taken = [known.take(one, 0, registrant="network:192.0.2.1") for one in theirs]

    assert len([one for one in taken if one]) == 4
    assert known.take(GREEN, 0, registrant="network:198.51.100.1")
    assert known.take(RED, 0)


def test_what_hangs_at_one_registrants_apps_is_bounded_too():
    known = limiter(slots=20)
    hanging = 0
    for _ in range(100):
        permit = known.take(uuid4(), 0, registrant="network:192.0.2.1")
        if permit:
            permit.stall()
            hanging += 1

    assert hanging == 4


def test_urgent_deliveries_find_room_when_all_permits_are_taken():
    full = limiter(slots=10)
    apps = [uuid4() for _ in range(11)]
    for client_id in apps:
        prove(full, client_id)
    assert all(full.take(client_id, 0) for client_id in apps[:10])

    assert full.take(apps[10], 0) is None
    assert full.take(apps[10], 0, priority=URGENT)


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


def test_what_is_proven_takes_nothing_of_the_part_of_the_others():
    known = limiter(slots=20)
    prove(known, GREEN)
    assert len(take_all(known, GREEN)) == 4

    assert len([one for one in (known.take(uuid4(), 0) for _ in range(20)) if one]) == 10


def test_with_few_slots_one_attempt_that_hangs_is_all_that_the_unproven_get():
    known = limiter(slots=2)
    end = known.take(RED, 0)
    assert end
    end.stall()

    assert known.take(GREEN, 0) is None


def test_with_one_slot_an_endpoint_has_one_attempt_under_way():
    known = Limiter(WIDE, slots=1, permits=8)
    prove(known, RED)

    assert len(take_all(known, RED)) == 1


def test_apps_of_one_registrant_take_turns_as_one():
    known = limiter()

    alone, theirs = known.take(RED, 0), known.take(GREEN, 0, registrant="network:192.0.2.1")

    assert alone
    assert theirs
    assert (alone.flow, theirs.flow) == (RED, "network:192.0.2.1")


def test_there_is_no_room_where_a_registrant_has_taken_its_share():
    known = limiter(slots=5)
    assert known.room(RED, 0, registrant="network:192.0.2.1") == 1
    assert known.take(RED, 0, registrant="network:192.0.2.1")

    assert known.room(GREEN, 0, registrant="network:192.0.2.1") == 0
    assert known.room(GREEN, 0) == 1


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
