"""A kind of delivery made here, whose recipients are no clients.

The outbox owes, sends, repeats, records and shows it as it does logouts.
"""

from collections.abc import Iterator
from datetime import timedelta
from uuid import NAMESPACE_URL, uuid5

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from provider.administration import deliveries
from provider.audit.models import AuditEvent
from provider.cli.delivery_records import as_record, client_ids_of, held_until
from provider.delivery import degraded
from provider.delivery.breaker import Transition
from provider.delivery.dispatch import Dispatcher
from provider.delivery.models import Delivery, DeliveryState
from provider.delivery.prune import prune_finished
from provider.delivery.queries import list_deliveries, list_pending_of
from provider.delivery.recipient import Recipient
from provider.infrastructure import clock, metrics
from provider.infrastructure.database import db, transaction
from provider.inspection import standing
from provider.logout.notice import BACKCHANNEL_LOGOUT
from provider.logout.notification.outbox import drain, make_dispatcher
from provider.logout.notification.progress import progress_of
from tests.conftest import TurnedClock
from tests.delivery.owing import attempts_of, make_due, now_is, owe, sign_out_at, tags_of_deliveries
from tests.delivery.receivers import Receiver, receiving
from tests.delivery.weather import HORIZON, Weather, fail_often, owe_weather
from tests.factories import make_client
from tests.support.waiting import wait_until


@pytest.fixture
def weather() -> Weather:
    return Weather()


@pytest.fixture
def lighthouse(app: Flask) -> Recipient:
    """A recipient that the database has no row of."""
    return Recipient("weather", uuid5(NAMESPACE_URL, "https://lighthouse.test/"))


@pytest.fixture
def dispatcher(app: Flask, weather: Weather) -> Iterator[Dispatcher]:
    dispatcher = make_dispatcher(8, more_kinds=[weather.kind])
    yield dispatcher
    dispatcher.close()


@pytest.fixture
def station() -> Iterator[Receiver]:
    """The weather station, which never answers well at first."""
    with receiving(503, 200) as receiver:
        yield receiver


def test_it_is_sent_repeated_and_recorded(
    lighthouse: Recipient, weather: Weather, dispatcher: Dispatcher, station: Receiver
) -> None:
    delivery = owe_weather(lighthouse, station.url)
    assert (delivery.cause_id, delivery.about["of"]) == (None, {"day": "monday", "clouds": [1, 2]})

    assert dispatcher.drain() == {"pending": 1}
    assert (now_is(delivery).last_outcome, weather.results) == ("unavailable", [])
    make_due(delivery)
    assert dispatcher.drain() == {"pending": 1, "accepted": 1}

    assert [one.form for one in station.received] == [{"sky": ["blue"]}] * 2
    assert [one.delivery for one in station.received] == [str(delivery.id)] * 2
    assert [(one.number, one.status) for one in attempts_of(delivery)] == [(1, 503), (2, 200)]
    assert weather.results == [("monday", "accepted")]
    # The audit is the logouts' own; this kind has chosen another record.
    assert tags_of_deliveries() == []


def test_a_worker_sends_it_beside_logouts(
    lighthouse: Recipient, weather: Weather, dispatcher: Dispatcher, station: Receiver
) -> None:
    station.statuses = [200]
    logout = owe(port=station.port)
    forecast = owe_weather(lighthouse, station.url, cause_id=logout.cause_id)

    dispatcher.start()
    wait_until(lambda: {now_is(one).state for one in (logout, forecast)} == {DeliveryState.ACCEPTED})

    assert {name for one in station.received for name in one.form} == {"logout_token", "sky"}
    assert weather.results == [("monday", "accepted")]
    assert tags_of_deliveries() == ["delivery_accepted"]


def test_what_is_owed_because_of_a_logout_is_no_notification_of_it(
    lighthouse: Recipient, dispatcher: Dispatcher, station: Receiver
) -> None:
    station.statuses = [200]
    logout = owe(port=station.port)
    drain()
    owe_weather(lighthouse, station.url, cause_id=logout.cause_id)

    assert logout.cause_id is not None
    assert (progress_of(logout.cause_id).untried, progress_of(logout.cause_id).unconfirmed) == (0, 0)


def test_without_a_cause_each_subject_is_owed_once(lighthouse: Recipient) -> None:
    owe_weather(lighthouse, "http://127.0.0.1/", "monday")
    owe_weather(lighthouse, "http://127.0.0.1/", "tuesday")

    with pytest.raises(IntegrityError):
        owe_weather(lighthouse, "http://127.0.0.1/", "monday")


def test_its_builder_may_say_that_nothing_is_sent(
    lighthouse: Recipient, weather: Weather, dispatcher: Dispatcher
) -> None:
    unknown = owe_weather(lighthouse, "http://127.0.0.1/", "monday", sky=None)
    old = owe_weather(lighthouse, "http://127.0.0.1/", "sunday", sky="yesterday's")

    dispatcher.drain()

    assert (now_is(unknown).state, now_is(unknown).last_outcome) == ("pending", "no_sky")
    assert now_is(old).state == DeliveryState.SUPERSEDED
    assert weather.results == [("sunday", "superseded")]


def test_it_expires(
    lighthouse: Recipient, weather: Weather, dispatcher: Dispatcher, turned_clock: TurnedClock
) -> None:
    delivery = owe_weather(lighthouse, "http://127.0.0.1/")
    turned_clock.turn(HORIZON + timedelta(seconds=1))

    dispatcher.drain()

    assert now_is(delivery).state == DeliveryState.EXPIRED
    assert weather.results == [("monday", "expired")]


def test_a_worker_that_does_not_know_it_leaves_it_alone(
    lighthouse: Recipient, turned_clock: TurnedClock, station: Receiver
) -> None:
    """As one of the previous release during an upgrade."""
    station.statuses = [200]
    delivery = owe_weather(lighthouse, station.url)
    [logout] = sign_out_at(make_client("green", port=station.port))

    assert drain() == {"accepted": 1}
    turned_clock.turn(HORIZON + timedelta(seconds=1))
    drain()

    assert now_is(logout).state == DeliveryState.ACCEPTED
    assert (now_is(delivery).state, attempts_of(delivery)) == (DeliveryState.PENDING, [])


def test_a_breaker_holds_it_and_lets_it_go(
    lighthouse: Recipient,
    weather: Weather,
    dispatcher: Dispatcher,
    station: Receiver,
    turned_clock: TurnedClock,
) -> None:
    station.statuses = [503]
    owed = [owe_weather(lighthouse, station.url, f"day {n}") for n in range(12)]
    fail_often(dispatcher, owed)
    health = degraded.find_failing(lighthouse)
    assert health is not None
    assert (health.url, health.state) == (station.url, "open")
    assert weather.transitions == [Transition.FAILING, Transition.OPENED]
    heard = len(station.received)
    later = make_dispatcher(8, "later", more_kinds=[weather.kind])
    for one in owed:
        make_due(one)
    later.drain()
    later.close()
    assert len(station.received) == heard

    station.statuses = [200]
    turned_clock.turn(timedelta(hours=1))
    dispatcher.drain()

    assert {now_is(one).state for one in owed} == {DeliveryState.ACCEPTED}
    assert degraded.find_failing(lighthouse) is None
    assert Transition.WORKING in weather.transitions


def test_its_breaker_holds_no_logouts_of_a_client_with_the_same_identifier(
    app: Flask, weather: Weather, dispatcher: Dispatcher, station: Receiver, turned_clock: TurnedClock
) -> None:
    station.statuses = [503]
    with receiving(200) as receiver:
        red = make_client("red", port=receiver.port)
        of_weather = Recipient("weather", red.id)
        owed = [owe_weather(of_weather, station.url, f"day {n}") for n in range(12)]
        fail_often(dispatcher, owed)
        [logout] = sign_out_at(red)
        for one in owed:
            make_due(one)
        dispatcher.drain()

    assert now_is(logout).state == DeliveryState.ACCEPTED
    assert {now_is(one).state for one in owed} == {DeliveryState.PENDING}
    assert [one.recipient for one in degraded.list_failing()] == [of_weather]
    assert degraded.list_failing(BACKCHANNEL_LOGOUT) == []
    shown = [gauge for gauge in standing.measure() if gauge.gauge is metrics.BREAKERS]
    assert [(gauge.labels, gauge.value) for gauge in shown] == [(("weather", "red"), 2)]


def test_what_it_has_finished_is_pruned(
    lighthouse: Recipient, dispatcher: Dispatcher, station: Receiver, turned_clock: TurnedClock
) -> None:
    station.statuses = [200]
    delivery = owe_weather(lighthouse, station.url)
    dispatcher.drain()
    turned_clock.turn(timedelta(days=1))

    with transaction():
        assert prune_finished(clock.now(), 10) == 1

    assert (db.session.get(Delivery, delivery.id), attempts_of(delivery)) == (None, [])


def test_a_recipient_that_is_gone_is_given_up_after_a_second_refusal(
    lighthouse: Recipient, weather: Weather, dispatcher: Dispatcher, station: Receiver
) -> None:
    station.statuses = [404]
    weather.gone = "out_of_service"
    delivery = owe_weather(lighthouse, station.url)
    dispatcher.drain()
    assert now_is(delivery).state == DeliveryState.PENDING
    make_due(delivery)

    dispatcher.drain()

    assert (now_is(delivery).state, now_is(delivery).cancel_reason) == ("cancelled", "out_of_service")


def test_what_its_builder_leaves_out_is_cancelled(
    lighthouse: Recipient, weather: Weather, dispatcher: Dispatcher
) -> None:
    delivery = owe_weather(lighthouse, "http://127.0.0.1/", sky="left out")

    dispatcher.drain()

    assert (now_is(delivery).state, now_is(delivery).cancel_reason) == ("cancelled", "recipient_gone")


def test_operators_see_cancel_and_resend_it(
    lighthouse: Recipient, weather: Weather, dispatcher: Dispatcher, station: Receiver
) -> None:
    station.statuses = [200]
    delivery = owe_weather(lighthouse, station.url)
    assert [one.id for one in list_deliveries(recipient_id=lighthouse.id)] == [delivery.id]
    assert list_pending_of(lighthouse.id, clock.now(), None, 10) == [delivery.id]
    db.session.commit()

    waiting = now_is(delivery)
    with transaction():
        assert deliveries.cancel(waiting, "rain was announced")
    cancelled = now_is(delivery)
    shown = as_record(cancelled, client_ids_of([cancelled]), held_until([cancelled]))
    assert (shown["kind"], shown["state"], shown["cause_id"]) == ("weather", "cancelled", None)
    assert shown["client_id"] == str(lighthouse.id)
    assert "sub" not in shown
    with transaction():
        assert deliveries.retry(cancelled)
    dispatcher.drain()

    assert now_is(delivery).state == DeliveryState.ACCEPTED
    entries = select(AuditEvent.tag, AuditEvent.account_id, AuditEvent.client_id).order_by(AuditEvent.at)
    assert [tuple(row) for row in db.session.execute(entries)][-2:] == [
        ("delivery_cancelled", None, str(lighthouse.id)),
        ("delivery_resent", None, str(lighthouse.id)),
    ]
