"""The deliveries and endpoints that queries find, and their order."""

from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import update

from provider.delivery.cancel import cancel
from provider.delivery.degraded import (
    count_waiting,
    find_failing,
    is_degraded_since,
    list_failing,
    list_held_until,
)
from provider.delivery.models import (
    BreakerState,
    DeliveryState,
    EndpointHealth,
)
from provider.delivery.queries import list_caused_by, list_deliveries, list_first_due, list_pending_of
from provider.delivery.recipient import Recipient
from provider.delivery.resend import resend_many
from provider.infrastructure import clock
from provider.infrastructure.database import change, transaction
from provider.logout.notice import BACKCHANNEL_LOGOUT, recipient_of
from tests.conftest import TurnedClock
from tests.delivery.owing import sign_out_at
from tests.delivery.rows import MINUTE, endpoint, leased, moved_behind, put
from tests.delivery.weather import owe_weather
from tests.factories import make_account, make_client


@pytest.fixture(autouse=True)
def standing_clock(app: Flask, turned_clock: TurnedClock) -> TurnedClock:
    return turned_clock


class TestWhatWaitsForAClient:
    def test_in_the_order_of_their_ids_and_by_batches(self) -> None:
        red = make_client("red")
        owed = sorted(one.id for one in sign_out_at(red, count=4))

        first = list_pending_of(red.id, clock.now(), None, 3)

        assert first == owed[:3]
        assert list_pending_of(red.id, clock.now(), first[-1], 3) == owed[3:]

    def test_whatever_the_order_of_the_rows(self) -> None:
        red = make_client("red")
        first, second, third = sign_out_at(red, count=3)
        last = moved_behind(first)

        assert list_pending_of(red.id, clock.now(), None, 10) == [second.id, third.id, last]
        assert [one.id for one in list_deliveries()] == [last, third.id, second.id]
        with transaction():
            assert [one.id for one in resend_many(limit=2)] == [second.id, third.id]
        with transaction():
            assert [one.id for one in cancel([last, second.id], "moved away")] == [second.id, last]

    def test_only_what_is_pending_free_and_the_clients_own(self) -> None:
        red, green = make_client("red"), make_client("green")
        accepted, _, attempted, _, waiting, _ = sign_out_at(red, green, count=3)
        put(accepted, state=DeliveryState.ACCEPTED)
        leased(attempted)

        assert list_pending_of(red.id, clock.now(), None, 10) == [waiting.id]


def test_the_deliveries_of_a_logout_are_listed_oldest_first() -> None:
    owed = sign_out_at(*(make_client(name) for name in ("red", "green", "blue")))
    sign_out_at(make_client("other"), account=make_account("ben"))

    assert [one.id for one in list_caused_by(owed[0].cause_id)] == sorted(one.id for one in owed)
    last = moved_behind(min(owed, key=lambda one: one.id))
    assert [one.id for one in list_caused_by(owed[0].cause_id)][-1] == last


class TestEndpoints:
    def test_those_that_fail_or_are_tried_are_listed_the_longest_failing_first(self) -> None:
        red, green, blue, well = (make_client(name).id for name in ("red", "green", "blue", "well"))
        endpoint(red, failing_since=clock.now() - MINUTE)
        endpoint(green, failing_since=clock.now() - 2 * MINUTE, state=BreakerState.OPEN)
        # Its failures are forgotten, but its breaker has not closed yet.
        endpoint(blue, state=BreakerState.RECOVERING)
        endpoint(well)

        listed = [one.recipient_id for one in list_failing()]

        assert [one for one in listed if one != blue] == [green, red]
        assert sorted(listed) == sorted([red, green, blue])

    def test_one_that_works_is_not_found_as_failing(self) -> None:
        red, well, unknown = (
            recipient_of(key) for key in (make_client("red").id, make_client("well").id, uuid4())
        )
        endpoint(red.id, failing_since=clock.now())
        endpoint(well.id)

        assert find_failing(red).recipient == red
        assert find_failing(well) is find_failing(unknown) is None

    def test_it_is_read_anew_each_time(self) -> None:
        red = recipient_of(make_client("red").id)
        endpoint(red.id, failing_since=clock.now())
        with transaction():
            known = find_failing(red)
            assert known.trips == 0
            change(update(EndpointHealth).values(trips=3))
            assert find_failing(red) is known
            assert known.trips == 3

    def test_one_is_degraded_since_an_instant_while_something_waits(self) -> None:
        red, green = make_client("red"), make_client("green")
        owed = sign_out_at(red)[0]
        since = clock.now() - MINUTE
        endpoint(red.id, url="https://red.test/x", degraded_since=since)
        endpoint(green.id, url="https://green.test/x", degraded_since=since)

        assert is_degraded_since(recipient_of(red.id), "https://red.test/x", since)
        assert not is_degraded_since(recipient_of(red.id), "https://red.test/x", since - MINUTE)
        assert not is_degraded_since(recipient_of(red.id), "https://red.test/moved", since)
        # The endpoint of another client, or what waits for another client.
        assert not is_degraded_since(recipient_of(red.id), "https://green.test/x", since)
        assert not is_degraded_since(recipient_of(green.id), "https://green.test/x", since)
        # A recipient of another kind with the same identifier, for whom something waits.
        weather = Recipient("weather", red.id)
        owe_weather(weather, "https://red.test/x")
        assert not is_degraded_since(weather, "https://red.test/x", since)
        put(owed, state=DeliveryState.ACCEPTED)
        assert not is_degraded_since(recipient_of(red.id), "https://red.test/x", since)


class TestHeldClients:
    def test_those_whose_breaker_holds_what_waits_and_until_when(self) -> None:
        held, over, closed, other = (make_client(name).id for name in ("held", "over", "closed", "other"))
        soon = clock.now() + MINUTE
        endpoint(held, state=BreakerState.OPEN, open_until=soon)
        endpoint(over, state=BreakerState.OPEN, open_until=clock.now())
        endpoint(closed, open_until=soon)
        endpoint(other, state=BreakerState.OPEN, open_until=soon)

        asked = [recipient_of(key) for key in (held, over, closed)]
        assert list_held_until(asked) == {recipient_of(held): soon}
        assert list_held_until([Recipient("weather", held)]) == {}

    def test_what_waits_is_counted_for_each_client(self) -> None:
        red, green, blue = (make_client(name) for name in ("red", "green", "blue"))
        accepted, *_ = sign_out_at(red, green, count=3)
        put(accepted, state=DeliveryState.ACCEPTED)

        assert [count_waiting(recipient_of(one.id)) for one in (red, green, blue)] == [2, 3, 0]
        assert count_waiting(Recipient("weather", red.id)) == 0


class TestLists:
    def test_the_newest_come_first_by_pages(self) -> None:
        owed = sorted((one.id for one in sign_out_at(make_client("red"), count=3)), reverse=True)

        assert [one.id for one in list_deliveries(limit=2)] == owed[:2]
        assert [one.id for one in list_deliveries(limit=2, before=owed[1])] == owed[2:]

    def test_a_page_has_a_hundred_rows_unless_asked_otherwise(self) -> None:
        clients = [make_client(f"app-{number}") for number in range(26)]
        sign_out_at(*clients, count=4)

        assert len(list_deliveries()) == 100
        assert len(list_deliveries(limit=200)) == 104

    def test_what_refuses_was_refused_twice_and_still_waits(self) -> None:
        refusing, once, unavailable, accepted = sign_out_at(make_client("red"), count=4)
        put(refusing, refusals=2, last_outcome="bad_request")
        put(once, refusals=1, last_outcome="bad_request")
        put(unavailable, refusals=2, last_outcome="unavailable")
        put(accepted, refusals=2, last_outcome="bad_request", state=DeliveryState.ACCEPTED)

        assert [one.id for one in list_deliveries(state="refusing")] == [refusing.id]


def test_a_recipient_that_is_left_out_hides_none_of_another_kind_with_its_identifier() -> None:
    red = make_client("red")
    [logout] = sign_out_at(red)
    weather = Recipient("weather", red.id)
    forecast = owe_weather(weather, "https://red.test/x")

    def first_due(*but: Recipient) -> set[UUID]:
        due = list_first_due(clock.now(), 10, [BACKCHANNEL_LOGOUT, "weather"], but=but)
        return {one.id for one in due}

    assert first_due() == {logout.id, forecast.id}
    assert first_due(weather) == {logout.id}
    assert first_due(recipient_of(red.id)) == {forecast.id}
    assert first_due(weather, recipient_of(red.id)) == set()
