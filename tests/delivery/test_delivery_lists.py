"""The deliveries and attempts that an operator is shown, and their order."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from flask import Flask

from provider.delivery.models import DeliveryAttempt, DeliveryState
from provider.delivery.queries import UnknownDelivery, get, list_attempts, list_deliveries
from provider.infrastructure import clock
from provider.infrastructure.database import db, transaction
from provider.infrastructure.opaque_tokens import new_id
from tests.conftest import TurnedClock
from tests.delivery.owing import sign_out_at
from tests.delivery.rows import put
from tests.factories import make_client


@pytest.fixture(autouse=True)
def standing_clock(app: Flask, turned_clock: TurnedClock) -> TurnedClock:
    return turned_clock


def test_a_delivery_is_known_by_its_id() -> None:
    one, other = sign_out_at(make_client("red"), count=2)

    assert get(one.id).id == one.id
    assert get(other.id).id == other.id
    with pytest.raises(UnknownDelivery):
        get(uuid4())


def test_the_attempts_of_one_delivery_are_listed_in_order() -> None:
    one, other = sign_out_at(make_client("red"), count=2)
    attempts = [
        DeliveryAttempt(id=new_id(), delivery_id=key, number=number, started_at=clock.now())
        for key, number in ((one.id, 2), (other.id, 1), (one.id, 1))
    ]
    with transaction():
        db.session.add_all(attempts)

    found = [(attempt.delivery_id, attempt.number) for attempt in list_attempts(one.id)]
    assert found == [(one.id, 1), (one.id, 2)]


def test_deliveries_are_listed_by_state_and_recipient() -> None:
    red, green = make_client("red"), make_client("green")
    accepted, _, waiting, at_green = sign_out_at(red, green, count=2)
    put(accepted, state=DeliveryState.ACCEPTED)

    assert [one.id for one in list_deliveries(state="accepted")] == [accepted.id]
    assert [one.id for one in list_deliveries(state="pending", recipient_id=red.id)] == [waiting.id]
    assert at_green.id in [one.id for one in list_deliveries(recipient_id=green.id)]
    assert accepted.id not in [one.id for one in list_deliveries(recipient_id=green.id)]


def test_those_of_a_recipient_are_in_the_order_of_their_instants_and_all_in_that_of_their_ids() -> None:
    red = make_client("red")
    first, second = sign_out_at(red, count=2)
    put(first, created_at=clock.now() + timedelta(minutes=1))

    assert [one.id for one in list_deliveries()] == [second.id, first.id]
    assert [one.id for one in list_deliveries(recipient_id=red.id)] == [first.id, second.id]


class TestASpanOfTime:
    """It goes by the instants of the rows; by their ids only so far that none of them is missed."""

    NEAR = timedelta(minutes=4)

    def listed(self, since: timedelta | None = None, until: timedelta | None = None) -> list[UUID]:
        now = clock.now()
        since_, until_ = (None if one is None else now + one for one in (since, until))
        return [one.id for one in list_deliveries(since=since_, until=until_)]

    def test_has_its_first_instant_and_not_its_last(self) -> None:
        [one] = sign_out_at(make_client("red"))
        put(one, created_at=clock.now() - self.NEAR)
        moment = timedelta(microseconds=1)

        assert self.listed(since=-self.NEAR) == self.listed(until=moment - self.NEAR) == [one.id]
        assert self.listed(since=moment - self.NEAR) == self.listed(until=-self.NEAR) == []

    def test_does_not_miss_a_row_whose_id_was_made_minutes_before_or_after_its_instant(self) -> None:
        early, late = sign_out_at(make_client("red"), count=2)
        put(early, created_at=clock.now() - self.NEAR)
        put(late, created_at=clock.now() + self.NEAR)

        assert self.listed(until=-self.NEAR + timedelta(seconds=1)) == [early.id]
        assert self.listed(since=self.NEAR) == [late.id]
