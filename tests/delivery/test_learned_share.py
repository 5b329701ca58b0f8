"""An origin of the operator's apps is sent as much as it bears (DLV-13)."""

from uuid import uuid4

import pytest

from provider.delivery.learned_share import LEAST, LEAST_WHEN_SLOW, LearnedShare, Observation
from provider.delivery.limiter import Limiter, Limits
from provider.delivery.outgoing import SentRequest
from provider.delivery.permit import Permit
from provider.delivery.recipient import Recipient

RED, GREEN = Recipient("logout", uuid4()), Recipient("logout", uuid4())
ORIGIN, ADDRESS = "https://apps.test:443", "192.0.2.1"
QUICK = 0.01


def learnt(*replies: tuple[int | None, float], seconds: float = 1.0) -> LearnedShare:
    """Learn from responses that come so many seconds apart: status and latency of each."""
    share = LearnedShare()
    for number, (status, latency) in enumerate(replies):
        share.learn(Observation(status, latency, number * seconds))
    return share


def test_it_begins_with_all_and_keeps_it_while_responses_come_as_usual():
    assert learnt().share == 1
    assert learnt(*[(200, QUICK), (204, 3 * QUICK), (400, QUICK), (500, QUICK)] * 50).share == 1


@pytest.mark.parametrize("status", [429, 503])
def test_an_origin_that_asks_for_patience_is_halved_once_a_second(status):
    assert learnt((200, QUICK), (status, QUICK)).share == 0.5
    assert learnt(*[(status, QUICK)] * 3).share == 0.125
    # Those that were under way already say the same once more.
    assert learnt(*[(status, QUICK)] * 40, seconds=0.01).share == 0.5


def test_it_is_never_given_up():
    assert learnt(*[(429, QUICK)] * 100).share == LEAST


def test_a_refusal_that_can_take_no_more_does_not_put_off_its_growth():
    share = learnt(*[(429, QUICK)] * 100)

    share.learn(Observation(429, QUICK, 200.0))
    share.learn(Observation(200, QUICK, 200.5))

    assert share.share == pytest.approx(LEAST * 1.25)


def test_it_grows_by_a_quarter_each_second_and_not_with_each_response():
    for seconds, responses in ((1.0, 1), (0.01, 100)):
        share = learnt((429, QUICK), (429, QUICK))
        before = share.share
        for number in range(responses):
            share.learn(Observation(200, QUICK, 1.0 + (number + 1) * seconds))

        assert share.share == pytest.approx(before * 1.25)


def test_it_is_back_at_all_after_sixteen_seconds_even_from_the_least():
    share = learnt(*[(503, QUICK)] * 10)

    for second in range(16):
        share.learn(Observation(204, QUICK, 10.0 + second))

    assert share.share == 1


def test_responses_that_take_much_longer_than_usual_take_a_fifth():
    slower = learnt(*[(200, 0.05)] * 20, *[(200, 0.5)] * 4)

    assert 0.5 < slower.share < 1
    assert learnt(*[(200, 0.05)] * 20, *[(200, 2.0)] * 60).share == LEAST_WHEN_SLOW


@pytest.mark.parametrize("usual", [QUICK, 0.2, 2.0])
def test_an_origin_that_was_always_so_slow_is_not_held_back(usual):
    assert learnt(*[(200, usual), (200, 1.4 * usual)] * 50).share == 1


def test_a_failure_without_a_response_is_left_to_the_breaker():
    assert learnt(*[(None, 10.0)] * 20).share == 1


def limiter(**limits: int) -> Limiter:
    wide = dict.fromkeys(Limits.__dataclass_fields__, 1000) | limits
    return Limiter(Limits(**wide), slots=1000, permits=1000)


def answer(known: Limiter, recipient, observed: Observation, place: str) -> None:
    permit = known.take(recipient, observed.at)
    assert permit
    permit.release(observed.status == 200, place, observed)


def prove(known: Limiter, recipient, place: str, at: float = -1000.0) -> None:
    while not known.is_at_full(recipient):
        answer(known, recipient, Observation(200, QUICK, at), place)
        at += 1


def take_all(known: Limiter, recipient, now: float) -> list[Permit]:
    return list(iter(lambda: known.take(recipient, now), None))


def test_apps_of_one_origin_share_what_it_bears():
    known = limiter(origin_rate=100, address_rate=1)
    for recipient in (RED, GREEN):
        prove(known, recipient, ORIGIN)
    assert len(take_all(known, GREEN, 100.0)) == 100

    answer(known, RED, Observation(429, QUICK, 200.0), ORIGIN)

    assert len(take_all(known, GREEN, 300.0)) == 50


def test_few_may_be_under_way_to_an_origin_that_asked_for_patience():
    known = limiter(origin_concurrency=100)
    for recipient in (RED, GREEN):
        prove(known, recipient, ORIGIN)
    for second in range(10):
        known.restart(RED)
        answer(known, RED, Observation(503, QUICK, float(second)), ORIGIN)

    assert len(take_all(known, GREEN, 100.0)) == 100 * LEAST // 1


def test_the_limit_of_a_network_address_is_fixed():
    known = limiter(address_rate=100, origin_rate=1)
    prove(known, GREEN, ADDRESS)
    answer(known, RED, Observation(429, QUICK, 0.0), ADDRESS)

    assert len(take_all(known, GREEN, 100.0)) == 100


def test_the_hundredth_app_of_an_origin_does_not_wait_for_the_next_second():
    known = Limiter(
        Limits(endpoint_concurrency=10, endpoint_rate=50, address_concurrency=20, address_rate=100),
        slots=1000,
        permits=1000,
    )
    apps = [Recipient("logout", uuid4()) for _ in range(300)]
    for number, recipient in enumerate(apps):
        prove(known, recipient, ORIGIN, at=-100_000.0 + 100 * number)

    started = [known.take(recipient, 0.5) for recipient in apps]
    assert sum(permit is not None for permit in started) == 50
    for permit in filter(None, started):
        permit.release(True, ORIGIN, Observation(200, QUICK, 0.5))
    # As soon as the first were answered, the others go.
    assert all(known.room(recipient, 0.51) for recipient in apps)


class TestAnAppThatAsksForTime:
    def test_is_not_asked_before_it_is_over(self):
        known = limiter()
        prove(known, RED, ORIGIN)
        answer(known, RED, Observation(429, QUICK, 100.0, wait=5), ORIGIN)

        assert known.take(RED, 104.9) is None
        assert known.next_room_at(RED) == 105.0
        assert known.take(RED, 105.0)
        assert known.next_room_at(RED) is None

    def test_gets_ten_seconds_at_most(self):
        known = limiter()
        answer(known, RED, Observation(503, QUICK, 100.0, wait=3600), ORIGIN)

        assert known.take(RED, 109.9) is None
        assert known.take(RED, 110.0)

    def test_does_not_hold_back_its_neighbours(self):
        known = limiter()
        prove(known, GREEN, ORIGIN)
        answer(known, RED, Observation(429, QUICK, 100.0, wait=20), ORIGIN)

        assert known.take(GREEN, 101.0)

    def test_is_asked_at_once_if_it_did_not_ask_for_fewer_requests(self):
        known = limiter()
        answer(known, RED, Observation(400, QUICK, 100.0, wait=20), ORIGIN)

        assert known.take(RED, 100.1)


def test_what_is_usual_falls_quickly_and_rises_slowly():
    was_slow = [(200, 1.0), *[(200, 0.1)] * 20]

    assert learnt(*was_slow).share == 1
    # What was usual at first is slow by now.
    assert learnt(*was_slow, *[(200, 1.0)] * 10).share < 1
    # And so it stays for a while.
    assert learnt(*was_slow, *[(200, 1.0)] * 30).share == LEAST_WHEN_SLOW


def test_an_attempt_is_observed_in_seconds_with_the_time_that_the_app_asked_for():
    sent = SentRequest(
        url="https://red.test/",
        jti=None,
        name="red",
        outcome="rate_limited",
        status=429,
        latency_ms=250,
        asked_wait=3.0,
    )

    assert sent.as_observation(5.0) == Observation(429, 0.25, 5.0, wait=3.0)
