"""The permits that hanging, unproven and related apps leave to the others (DLV-13)."""

from dataclasses import replace
from uuid import UUID, uuid4

from provider.delivery.limiter import URGENT, Limiter
from tests.delivery.limiters import GREEN, RED, WIDE, limiter, prove, take_all


def test_many_that_are_unproven_leave_half_of_the_slots_to_the_others():
    new = limiter(slots=20)
    prove(new, GREEN)

    taken = [new.take(uuid4(), 0) for _ in range(20)]

    assert len([end for end in taken if end]) == 10
    assert len(take_all(new, GREEN)) == 4


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


def test_an_endpoint_is_proven_only_while_its_latest_response_was_quick():
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


class TestAPlaceOfManyApps:
    """50 may be under way at once to one origin, and 32 slots send."""

    ORIGIN = "https://ingress.test"

    def _at_the_origin(self, slots: int = 32) -> tuple[Limiter, list[UUID]]:
        known = Limiter(replace(WIDE, origin_concurrency=50), slots=slots, permits=256)
        apps = [uuid4() for _ in range(200)]
        for client_id in apps:
            end = known.take(client_id, 0.0)
            assert end
            end.release(True, self.ORIGIN)
        return known, apps

    def test_more_are_leased_than_may_be_sent_at_once_where_the_slots_keep_that_limit(self):
        known, apps = self._at_the_origin()

        taken = [end for end in (known.take(one, 10.0) for one in apps) if end]

        # Half of the permits are left to others.
        assert len(taken) == 128
        assert {(end.place, end.most_at_place) for end in taken} == {(self.ORIGIN, 50)}

    def test_no_more_than_may_be_sent_at_once_where_the_slots_might_exceed_it(self):
        known, apps = self._at_the_origin(slots=51)

        assert len([end for end in (known.take(one, 10.0) for one in apps) if end]) == 50

    def test_what_hangs_there_is_counted_until_it_ends(self):
        known, apps = self._at_the_origin()
        hanging = [known.take(one, 10.0) for one in apps[:19]]
        for end in hanging:
            assert end
            end.stall()

        # With the slots these are more than 50.
        assert len([end for end in (known.take(one, 10.0) for one in apps[19:]) if end]) == 31
        for end in hanging[:2]:
            assert end
            end.release(False, self.ORIGIN)
        assert known.take(apps[60], 10.0)
