"""Apps of the operator share no limit because one ingress stands before them (DLV-13)."""

from dataclasses import replace

import pytest
from flask import Flask

from provider.config import Settings
from provider.delivery.limiter import Limiter, Limits
from provider.infrastructure import current
from provider.logout.notice import recipient_of
from provider.logout.notification.outbox import make_dispatcher
from tests.delivery.owing import sign_out_at
from tests.delivery.receivers import receiving
from tests.factories import make_account, make_client
from tests.support.applications import opened
from tests.support.waiting import wait_until


@pytest.fixture
def one_at_a_time(app: Flask) -> None:
    """At each place only one delivery may be under way."""
    settings = replace(current.settings(), address_concurrency=1, origin_concurrency=1)
    current.install(app, replace(current.services(), settings=settings))


@pytest.mark.usefixtures("one_at_a_time")
def test_an_app_that_hangs_holds_back_no_other_origin_at_its_address(app: Flask) -> None:
    with receiving() as hanging, receiving() as other:
        apps = [make_client("red", port=hanging.port), make_client("green", port=other.port)]
        ada = make_account("ada")
        dispatcher = make_dispatcher(8)
        dispatcher.start()
        try:
            sign_out_at(*apps, account=ada)
            dispatcher.wake()
            wait_until(lambda: hanging.answered and other.answered)
            hanging.may_answer.clear()
            sign_out_at(apps[0], account=ada)
            dispatcher.wake()
            wait_until(lambda: len(hanging.received) == 2)

            sign_out_at(apps[1], account=ada)
            dispatcher.wake()

            wait_until(lambda: other.answered == 2)
        finally:
            hanging.may_answer.set()
            dispatcher.close()


@pytest.mark.parametrize(("registrant", "is_the_operators"), [(None, True), ("token 1", False)])
def test_who_registered_the_client_decides_what_a_place_is(app: Flask, registrant, is_the_operators) -> None:
    limiter = Limiter(Limits.in_force(), slots=8, permits=8)

    permit = limiter.take(recipient_of(make_client("red").id), 0.0, registrant=registrant)

    assert permit
    assert permit.is_of_operators_recipient is is_the_operators


def test_the_limits_are_those_that_the_operator_has_set(settings: Settings) -> None:
    limits = {
        "endpoint_concurrency": 3,
        "endpoint_rate": 4,
        "address_concurrency": 5,
        "address_rate": 6,
        "origin_concurrency": 7,
        "origin_rate": 8,
    }

    with opened(replace(settings, **limits)):
        assert Limits.in_force() == Limits(**limits)
