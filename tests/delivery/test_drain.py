"""A drain attempts what is due, here and now, and no more than it was asked to."""

import pytest
from flask import Flask
from sqlalchemy import select

from provider.delivery.models import EndpointHealth
from provider.infrastructure.database import db
from provider.logout.notification.outbox import drain
from tests.delivery.owing import sign_out_at
from tests.delivery.receivers import receiving
from tests.factories import make_client


@pytest.mark.parametrize("limit", [1, 2])
def test_a_limit_leaves_the_rest_for_later(app: Flask, limit: int) -> None:
    with receiving(200) as red:
        sign_out_at(make_client("red", port=red.port), count=3)

        assert drain(limit=limit) == {"accepted": limit}
        assert len(red.received) == limit
        assert drain() == {"accepted": 3 - limit}


def test_a_limit_holds_for_all_apps_together(app: Flask) -> None:
    with receiving(200) as red:
        sign_out_at(*(make_client(f"app-{number}", port=red.port) for number in range(4)))

        assert drain(limit=3) == {"accepted": 3}
        assert len(red.received) == 3


def test_all_that_was_seen_of_an_endpoint_is_written_at_the_end(app: Flask) -> None:
    with receiving(503) as red:
        sign_out_at(make_client("red", port=red.port), count=3)
        drain()

    assert len(red.received) == 3
    assert db.session.scalar(select(EndpointHealth.consecutive_failures)) == 3
    db.session.commit()
