"""An app that shows that it is alive need not wait for its breaker (DLV-14)."""

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest
from flask import Flask
from sqlalchemy import select, update

from provider.clients.models import Client
from provider.config import Settings
from provider.delivery.models import BreakerState, Delivery, DeliveryState, EndpointHealth
from provider.infrastructure.database import change, db, transaction
from provider.logout.notification.outbox import drain
from tests.conftest import TurnedClock
from tests.delivery.owing import make_due, now_is, sign_out_at
from tests.delivery.receivers import receiving
from tests.factories import make_account, make_client, secret_of

PROBE_WAIT = timedelta(seconds=30)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, delivery_schedule=(timedelta(seconds=10), timedelta(hours=6)))


@pytest.fixture(autouse=True)
def standing_clock(turned_clock: TurnedClock) -> None:
    """Nothing falls due by itself, however slow the machine is."""


@pytest.fixture
def held(app: Flask):
    """Red's breaker is open: it has answered 503 to ten deliveries of twelve."""
    with receiving(503) as red:
        owed = sign_out_at(make_client("red", port=red.port), count=12)
        drain()
        assert health().state == BreakerState.OPEN
        yield SimpleNamespace(red=red, owed=owed)


def health() -> EndpointHealth:
    db.session.commit()
    found = db.session.scalars(select(EndpointHealth), execution_options={"populate_existing": True}).one()
    db.session.commit()
    return found


def is_marked() -> bool:
    marked = db.session.scalar(select(Client.logout_endpoint_failing).where(Client.client_id == "red"))
    db.session.commit()
    return bool(marked)


def states(owed: list[Delivery]) -> set[str]:
    return {now_is(one).state for one in owed}


def ask(http, path="/introspect", secret=None, name="red", **form) -> int:
    auth = (name, secret or secret_of(name))
    return http.post(path, data={"token": "cfa_x"} | form, auth=auth).status_code


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param({"path": "/token", "grant_type": "refresh_token", "refresh_token": "x"}, id="a token"),
        pytest.param({"path": "/introspect"}, id="an introspection"),
        pytest.param({"path": "/revoke"}, id="a revocation"),
    ],
)
def test_a_request_that_the_client_authenticates_opens_a_trial(held, http, request_) -> None:
    held.red.statuses = [200]
    assert drain() == {}
    assert is_marked()

    assert ask(http, **request_) in (200, 400)
    drain()

    assert states(held.owed) == {DeliveryState.ACCEPTED}
    assert health().state == BreakerState.CLOSED
    assert not is_marked()


def test_a_wrong_secret_is_no_evidence(held, http) -> None:
    held.red.statuses = [200]

    assert ask(http, secret="wrong-secret-of-thirty-letters") == 401

    assert drain() == {}


def test_what_waits_for_hours_without_a_breaker_is_tried_at_once(app: Flask, http) -> None:
    with receiving(503, 503, 200) as red:
        [delivery] = sign_out_at(make_client("red", port=red.port))
        drain()
        make_due(delivery)
        drain()
        assert health().state == BreakerState.CLOSED
        assert now_is(delivery).next_attempt_at > delivery.created_at + timedelta(hours=4)

        ask(http)
        drain()

    assert now_is(delivery).state == DeliveryState.ACCEPTED


def test_what_waits_for_hours_without_a_breaker_follows_the_first_that_is_accepted(
    app: Flask, turned_clock: TurnedClock
) -> None:
    with receiving(503, 503, 200) as red:
        client = make_client("red", port=red.port)
        [earlier] = sign_out_at(client)
        drain()
        make_due(earlier)
        drain()
        assert health().state == BreakerState.CLOSED

        turned_clock.turn(PROBE_WAIT)
        [later] = sign_out_at(client, account=make_account("ben"))
        drain()

    assert states([earlier, later]) == {DeliveryState.ACCEPTED}


def test_what_an_app_refuses_while_it_accepts_others_is_not_hurried(app: Flask) -> None:
    with receiving(400, 400, 200) as red:
        client = make_client("red", port=red.port)
        [refused] = sign_out_at(client)
        drain()
        make_due(refused)
        drain()

        [accepted] = sign_out_at(client, account=make_account("ben"))
        drain()

    assert now_is(accepted).state == DeliveryState.ACCEPTED
    assert now_is(refused).state == DeliveryState.PENDING
    assert len(red.received) == 3


def test_an_app_that_lives_while_its_endpoint_fails_is_tried_now_and_then(
    held, http, turned_clock: TurnedClock
) -> None:
    for _ in range(3):
        ask(http)
        drain()
    assert len(held.red.received) == 11

    # By its failures alone the breaker would wait for longer.
    assert health().open_until == turned_clock() + PROBE_WAIT
    turned_clock.turn(PROBE_WAIT)
    drain()
    assert len(held.red.received) == 12
    ask(http)
    drain()
    assert len(held.red.received) == 13


def test_a_client_that_works_at_the_same_host_is_evidence_for_the_others(held) -> None:
    held.red.statuses = [200]
    green = make_client("green", backchannel_logout_uri=f"http://127.0.0.1:{held.red.port}/green")
    [at_green] = sign_out_at(green, account=make_account("ben"))

    drain()

    assert now_is(at_green).state == DeliveryState.ACCEPTED
    assert states(held.owed) == {DeliveryState.ACCEPTED}


def test_a_client_that_works_elsewhere_is_no_evidence(held) -> None:
    with receiving(200) as other:
        green = make_client("green", port=other.port)
        [at_green] = sign_out_at(green, account=make_account("ben"))
        drain()

    assert now_is(at_green).state == DeliveryState.ACCEPTED
    assert len(held.red.received) == 10


def test_a_client_that_works_costs_no_statement(held, http, statements) -> None:
    make_client("green")
    ask(http, name="green")
    with statements() as of_green:
        ask(http, name="green")
    ask(http)
    with statements() as of_red:
        ask(http)

    assert not any("endpoint_health" in one for one in of_green)
    # And one that is known to fail costs a look by its key, as long as that changes nothing.
    assert [one for one in of_red if "endpoint_health" in one and "UPDATE" in one] == []


def test_evidence_while_nothing_waits_changes_nothing(held, http) -> None:
    with transaction():
        change(update(Delivery).values(state=DeliveryState.CANCELLED, finished_at=held.owed[0].created_at))
    before = health().open_until

    ask(http)

    assert health().open_until == before
