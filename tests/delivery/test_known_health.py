"""The health of endpoints as a worker has read it, and what is due for them (DLV-14, DLV-15)."""

from collections.abc import Mapping
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

from provider.clients.models import Client
from provider.delivery import health_rows
from provider.delivery.known_health import KnownHealth
from provider.delivery.models import BreakerState, EndpointHealth
from provider.delivery.recipient import Recipient
from provider.infrastructure import clock
from provider.infrastructure.database import change, db, transaction
from provider.logout.notice import recipient_of
from tests.conftest import TurnedClock
from tests.delivery.owing import sign_out_at
from tests.delivery.rows import endpoint
from tests.factories import make_client

A_MOMENT = timedelta(microseconds=1)


@pytest.fixture(autouse=True)
def standing_clock(app: Flask, turned_clock: TurnedClock) -> TurnedClock:
    return turned_clock


class TestWhatIsKnown:
    def test_endpoints_that_fail_or_are_not_called_and_which_have_moved(self, red: Client) -> None:
        here = recipient_of(red.id)
        green, blue, well = (recipient_of(make_client(name).id) for name in ("green", "blue", "well"))
        endpoint(here.id, url="https://red.test/a", state=BreakerState.OPEN)
        endpoint(green.id, url="https://green.test/a", state=BreakerState.OPEN)
        endpoint(blue.id, url="https://blue.test/a", failing_since=clock.now())
        endpoint(well.id, url="https://well.test/a")
        asked: list[object] = []

        def now_at(failed: Mapping[Recipient, str | None]) -> dict[Recipient, str | None]:
            asked.append(dict(failed))
            return {here: "https://red.test/b", green: "https://green.test/a"}

        known = KnownHealth(now_at)
        known.refresh()

        assert [one in known for one in (here, green, blue, well)] == [True, True, True, False]
        assert asked == [{here: "https://red.test/a", green: "https://green.test/a"}]
        assert known.new_urls == {here: "https://red.test/b"}

    def test_it_is_read_anew_when_something_was_written_meanwhile(self, red: Client) -> None:
        known = KnownHealth(lambda failed: failed)
        known.refresh()
        endpoint(red.id, failing_since=clock.now())

        known.expire()
        known.refresh()

        assert recipient_of(red.id) in known
        assert Recipient("weather", red.id) not in known

    def test_rows_are_made_where_there_are_none_and_returned_in_the_order_of_their_recipients(self) -> None:
        clients = sorted((make_client(name).id for name in ("red", "green", "blue")), reverse=True)
        recipients = [recipient_of(key) for key in clients]
        endpoint(clients[0], trips=3)

        with transaction():
            rows = health_rows.lock(recipients)
            assert [(row.recipient_id, row.state, row.trips) for row in rows] == [
                (clients[2], "closed", 0),
                (clients[1], "closed", 0),
                (clients[0], "closed", 3),
            ]
            change(update(EndpointHealth).values(trips=7))
            assert {row.trips for row in health_rows.lock(recipients)} == {7}
        with transaction():
            change(update(EndpointHealth).values(failing_since=clock.now()))
            assert {row.trips for row in health_rows.list_failing()} == {7}
            change(update(EndpointHealth).values(trips=8))
            assert {row.trips for row in health_rows.list_failing()} == {8}

    def test_what_is_due_for_a_recipient(self, red: Client) -> None:
        (waiting,) = sign_out_at(red)
        green = make_client("green")

        assert health_rows.has_due(recipient_of(red.id), clock.now())
        assert not health_rows.has_due(recipient_of(red.id), clock.now() - A_MOMENT)
        assert not health_rows.has_due(recipient_of(green.id), clock.now())
        assert db.session.scalar(select(EndpointHealth.recipient_id)) is None
        assert waiting.recipient_id == red.id
