"""A kind of delivery made here: the outbox owes, sends, repeats, records and shows it as it does logouts."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from functools import partial
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from provider.administration import deliveries
from provider.audit.models import AuditEvent
from provider.cli.delivery_records import as_record
from provider.clients.models import Client
from provider.delivery import degraded, outbox
from provider.delivery.dispatch import Dispatcher
from provider.delivery.finish import Ended, state_after
from provider.delivery.models import Delivery, DeliveryState
from provider.delivery.outbox import Owed
from provider.delivery.outgoing import (
    ClaimedDelivery,
    OutgoingRequest,
    Prepared,
    Superseded,
    Undeliverable,
    form,
)
from provider.delivery.owner import Kind
from provider.delivery.queries import list_deliveries, list_pending_of
from provider.infrastructure import clock
from provider.infrastructure.database import db, transaction
from provider.logout.notification.outbox import drain, make_dispatcher
from provider.logout.notification.results import progress_of
from tests.conftest import TurnedClock
from tests.delivery.owing import attempts_of, make_due, now_is, owe, sign_out_at, tags_of_deliveries
from tests.delivery.receivers import Receiver, receiving
from tests.factories import make_client
from tests.support.waiting import wait_until

HORIZON = timedelta(hours=72)


class Weather:
    """Tells clients of the weather. Nothing of it is known to the outbox."""

    def __init__(self) -> None:
        self.results: list[tuple[str, str]] = []
        self.urls: dict[UUID, str | None] = {}
        self.kind = Kind(
            name="weather", builder=self.prepare, record=self.record, current_urls=lambda _: self.urls
        )

    def prepare(self, claimed: Sequence[ClaimedDelivery]) -> Mapping[UUID, Prepared]:
        return {one.id: self._decide(one) for one in claimed}

    def record(self, ended: Sequence[Ended]) -> None:
        self.results += [(claimed.subject_key, state_after(report)) for claimed, report in ended]

    def _decide(self, claimed: ClaimedDelivery) -> Prepared:
        about = claimed.about or {}
        match about.get("sky"):
            case None:
                return Undeliverable("no_sky")
            case "yesterday's":
                return Superseded()
        return partial(
            OutgoingRequest,
            url=about["url"],
            send=form(about["url"], {"sky": about["sky"]}),
            jti=None,
            recipient="red",
        )


@pytest.fixture
def weather() -> Weather:
    return Weather()


@pytest.fixture
def red(app: Flask) -> Client:
    return make_client("red")


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


def owe_weather(
    client: Client, url: str, day: str = "monday", *, sky: str | None = "blue", cause_id: UUID | None = None
) -> Delivery:
    about = {"url": url, "sky": sky, "of": {"day": day, "clouds": [1, 2]}}
    owed = Owed(kind="weather", client_id=client.id, subject_key=day, about=about)
    with transaction():
        [delivery] = outbox.enqueue([owed], cause_id=cause_id, at=clock.now(), horizon=HORIZON, priority=1)
    return delivery


def test_it_is_sent_repeated_and_recorded(
    red: Client, weather: Weather, dispatcher: Dispatcher, station: Receiver
) -> None:
    delivery = owe_weather(red, station.url)
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
    app: Flask, weather: Weather, dispatcher: Dispatcher, station: Receiver
) -> None:
    station.statuses = [200]
    logout = owe(port=station.port)
    client = db.session.get_one(Client, logout.client_id)
    told = owe_weather(client, station.url, cause_id=logout.cause_id)

    dispatcher.start()
    wait_until(lambda: {now_is(one).state for one in (logout, told)} == {DeliveryState.ACCEPTED})

    assert {name for one in station.received for name in one.form} == {"logout_token", "sky"}
    assert weather.results == [("monday", "accepted")]
    assert tags_of_deliveries() == ["delivery_accepted"]


def test_what_is_owed_because_of_a_logout_is_no_notification_of_it(
    app: Flask, dispatcher: Dispatcher, station: Receiver
) -> None:
    station.statuses = [200]
    logout = owe(port=station.port)
    drain()
    client = db.session.get_one(Client, logout.client_id)
    owe_weather(client, station.url, cause_id=logout.cause_id)

    assert logout.cause_id is not None
    assert (progress_of(logout.cause_id).untried, progress_of(logout.cause_id).unconfirmed) == (0, 0)


def test_without_a_cause_each_subject_is_owed_once(red: Client) -> None:
    owe_weather(red, "http://127.0.0.1/", "monday")
    owe_weather(red, "http://127.0.0.1/", "tuesday")

    with pytest.raises(IntegrityError):
        owe_weather(red, "http://127.0.0.1/", "monday")


def test_its_builder_may_say_that_nothing_is_sent(
    red: Client, weather: Weather, dispatcher: Dispatcher
) -> None:
    unknown = owe_weather(red, "http://127.0.0.1/", "monday", sky=None)
    old = owe_weather(red, "http://127.0.0.1/", "sunday", sky="yesterday's")

    dispatcher.drain()

    assert (now_is(unknown).state, now_is(unknown).last_outcome) == ("pending", "no_sky")
    assert now_is(old).state == DeliveryState.SUPERSEDED
    assert weather.results == [("sunday", "superseded")]


def test_it_expires(red: Client, weather: Weather, dispatcher: Dispatcher, turned_clock: TurnedClock) -> None:
    delivery = owe_weather(red, "http://127.0.0.1/")
    turned_clock.turn(HORIZON + timedelta(seconds=1))

    dispatcher.drain()

    assert now_is(delivery).state == DeliveryState.EXPIRED
    assert weather.results == [("monday", "expired")]


def test_a_worker_that_does_not_know_it_leaves_it_alone(
    red: Client, turned_clock: TurnedClock, station: Receiver
) -> None:
    """As one of the previous release during an upgrade."""
    station.statuses = [200]
    delivery = owe_weather(red, station.url)
    [logout] = sign_out_at(make_client("green", port=station.port))

    assert drain() == {"accepted": 1}
    turned_clock.turn(HORIZON + timedelta(seconds=1))
    drain()

    assert now_is(logout).state == DeliveryState.ACCEPTED
    assert (now_is(delivery).state, attempts_of(delivery)) == (DeliveryState.PENDING, [])


def test_a_breaker_holds_it_and_lets_it_go(
    red: Client, weather: Weather, dispatcher: Dispatcher, station: Receiver, turned_clock: TurnedClock
) -> None:
    station.statuses = [503]
    weather.urls[red.id] = station.url
    owed = [owe_weather(red, station.url, f"day {n}") for n in range(12)]
    for _ in range(6):
        for one in owed:
            make_due(one)
        dispatcher.drain()
    health = degraded.find_failing(red.id)
    assert health is not None
    assert (health.url, health.state) == (station.url, "open")
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
    assert degraded.find_failing(red.id) is None


def test_operators_see_cancel_and_resend_it(
    red: Client, weather: Weather, dispatcher: Dispatcher, station: Receiver
) -> None:
    station.statuses = [200]
    delivery = owe_weather(red, station.url)
    assert [one.id for one in list_deliveries(client_id=red.id)] == [delivery.id]
    assert list_pending_of(red.id, clock.now(), None, 10) == [delivery.id]
    db.session.commit()

    waiting = now_is(delivery)
    with transaction():
        assert deliveries.cancel(waiting, "rain was announced")
    shown = as_record(now_is(delivery), {red.id: "red"}, {})
    assert (shown["kind"], shown["state"], shown["cause_id"]) == ("weather", "cancelled", None)
    assert "sub" not in shown
    cancelled = now_is(delivery)
    with transaction():
        assert deliveries.retry(cancelled)
    dispatcher.drain()

    assert now_is(delivery).state == DeliveryState.ACCEPTED
    told = select(AuditEvent.tag, AuditEvent.account_id, AuditEvent.client_id).order_by(AuditEvent.at)
    assert [tuple(row) for row in db.session.execute(told)][-2:] == [
        ("delivery_cancelled", None, "red"),
        ("delivery_resent", None, "red"),
    ]
