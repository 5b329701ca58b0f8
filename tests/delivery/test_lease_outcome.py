"""The effects of a batch of leases, and what becomes due when an endpoint has recovered (DLV-13, DLV-14)."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import update

from provider.clients.models import Client
from provider.delivery.lease import LeasedBatch, lease_due
from provider.delivery.models import Delivery, DeliveryState
from provider.delivery.permit import Permit
from provider.delivery.resend import hasten
from provider.delivery.selection import Capacity, DueDelivery
from provider.infrastructure import clock
from provider.infrastructure.database import change, db, transaction
from provider.infrastructure.opaque_tokens import new_id
from provider.logout.notice import BACKCHANNEL_LOGOUT, recipient_of
from tests.conftest import TurnedClock
from tests.delivery.owing import now_is, sign_out_at
from tests.delivery.permits import without_limit
from tests.factories import make_account, make_client

# A lease reads so many at least.
READ = 32


@pytest.fixture(autouse=True)
def standing_clock(app: Flask, turned_clock: TurnedClock) -> TurnedClock:
    return turned_clock


def lease(capacity: int, admit: Callable[[DueDelivery], Permit | None] = without_limit) -> LeasedBatch:
    with transaction():
        return lease_due(Capacity(capacity, capacity), admit, [BACKCHANNEL_LOGOUT], "me")


def put(delivery: Delivery, **values: object) -> None:
    with transaction():
        change(update(Delivery).where(Delivery.id == delivery.id).values(**values))


def test_all_that_is_due_leaves_nothing() -> None:
    sign_out_at(make_client("red"), count=3)

    found = lease(10)

    assert (len(found.taken), found.held, found.may_be_more, found.is_full) == (3, set(), False, False)


def test_what_is_left_for_want_of_capacity_is_still_to_be_claimed() -> None:
    sign_out_at(make_client("red"), count=3)

    found = lease(2)

    assert (len(found.taken), found.held, found.may_be_more, found.is_full) == (2, set(), True, True)


def owe_many(client: Client) -> None:
    """Owe a client as many notifications as a lease reads."""
    [first] = sign_out_at(client)
    values = {one.key: getattr(first, one.key) for one in Delivery.__mapper__.column_attrs}
    with transaction():
        db.session.add_all(
            Delivery(**values | {"id": new_id(), "subject_key": str(number)}) for number in range(READ - 1)
        )


def test_as_many_are_claimed_as_there_is_capacity_for() -> None:
    owe_many(make_client("red"))
    sign_out_at(make_client("green"), account=make_account("ben"))

    found = lease(2 * READ)

    assert (len(found.taken), found.may_be_more, found.is_full) == (READ + 1, False, False)


def test_what_waits_behind_a_client_that_has_to_wait_is_taken_and_there_may_be_more() -> None:
    red, green = make_client("red"), make_client("green")
    owe_many(red)
    [behind] = sign_out_at(green, account=make_account("ben"))
    put(behind, next_attempt_at=clock.now())

    found = lease(10, lambda due: None if due.recipient.id == red.id else without_limit(due))

    assert [one.id for one, _ in found.taken] == [behind.id]
    assert (found.held, found.may_be_more, found.is_full) == ({recipient_of(red.id)}, True, False)


def test_where_every_client_has_to_wait_there_is_no_more() -> None:
    red = make_client("red")
    owe_many(red)

    found = lease(10, lambda due: None)

    assert found == LeasedBatch([], {recipient_of(red.id)}, may_be_more=False)


class TestWhatBecomesDueAtAnEndpointThatWorksAgain:
    def test_only_what_waits_for_it_and_is_not_being_attempted(self) -> None:
        red, green = make_client("red"), make_client("green")
        accepted, _, attempted, _, waiting, other = sign_out_at(red, green, count=3)
        later = clock.now() + timedelta(hours=1)
        for one in (waiting, accepted, attempted, other):
            put(one, next_attempt_at=later)
        put(accepted, state=DeliveryState.ACCEPTED)
        put(attempted, leased_until=later, lease_token="a lease")

        with transaction():
            # Nothing else takes the place of what waits.
            assert hasten(recipient_of(red.id), 1) == 1

        instants = [now_is(one).next_attempt_at for one in (waiting, accepted, attempted, other)]
        assert instants == [clock.now(), later, later, later]

    def test_so_many_at_a_time(self) -> None:
        red = make_client("red")
        owed = sign_out_at(red, count=3)
        for one in owed:
            put(one, next_attempt_at=clock.now() + timedelta(hours=1))

        with transaction():
            assert [hasten(recipient_of(red.id), 2) for _ in range(3)] == [2, 1, 0]
