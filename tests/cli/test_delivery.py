"""`curfew delivery`: what an operator sees of apps that fail, and what can be done about it."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, update

from provider.audit.models import AuditEvent
from provider.delivery.models import BreakerState, Delivery, DeliveryState, EndpointHealth
from provider.infrastructure import clock
from provider.infrastructure.database import change, db, transaction
from provider.logout.notice import BACKCHANNEL_LOGOUT
from tests.delivery.owing import sign_out_at
from tests.factories import make_account, make_client

OPEN_FOR = timedelta(minutes=15)


@pytest.fixture
def owed(looking) -> list[str]:
    """Three deliveries to red and one to green, none of which is attempted."""
    with looking():
        red, green = make_client("red"), make_client("green")
        rows = sign_out_at(red, count=3) + sign_out_at(green, account=make_account("ben"))
        return [str(row.id) for row in rows]


@pytest.fixture
def held(owed, looking):
    """Until when red's breaker is open."""
    with looking(), transaction():
        until = clock.now() + OPEN_FOR
        client_id = db.session.scalars(
            select(Delivery.recipient_id).where(Delivery.id == UUID(owed[0]))
        ).one()
        counts = {"trips": 5, "consecutive_failures": 12, "window_attempts": 0, "window_failures": 0}
        about = {"state": BreakerState.OPEN, "open_until": until, "failing_since": clock.now()}
        about |= {"last_outcome": "misconfigured", "refusals": 12, "url": "https://red.test/logout"}
        db.session.add(EndpointHealth(kind=BACKCHANNEL_LOGOUT, recipient_id=client_id, **about, **counts))
        return until


def set_delivery(looking, delivery_id: str, **values: object) -> None:
    with looking(), transaction():
        assert change(update(Delivery).where(Delivery.id == UUID(delivery_id)).values(values)) == 1


def shown(curfew, *arguments: str) -> dict[str, dict]:
    return {one["id"]: one for one in curfew("delivery", "list", *arguments, "--json").json}


def test_a_held_delivery_shows_when_it_will_really_be_tried(curfew, owed, held):
    rows = shown(curfew)

    assert {rows[one]["held_by_breaker"] for one in owed[:3]} == {True}
    assert {rows[one]["next_attempt_at"] for one in owed[:3]} == {held.isoformat()}
    assert rows[owed[3]]["held_by_breaker"] is False
    assert rows[owed[3]]["next_attempt_at"] < rows[owed[0]]["next_attempt_at"]
    assert curfew("delivery", "show", owed[0], "--json").json["next_attempt_at"] == held.isoformat()


def test_retrying_a_client_takes_what_its_breaker_holds(curfew, owed, held, looking):
    assert curfew("delivery", "retry", "--client", "red").out == "Due now: 3 deliveries.\n"

    assert {one["held_by_breaker"] for one in shown(curfew, "--client", "red").values()} == {False}
    with looking():
        assert db.session.scalars(select(EndpointHealth)).one().open_until <= clock.now()


def test_each_of_several_deliveries_is_retried_by_itself(curfew, owed, looking):
    set_delivery(looking, owed[0], state=DeliveryState.EXPIRED, finished_at=clock.now())
    set_delivery(looking, owed[1], state=DeliveryState.ACCEPTED, finished_at=clock.now())
    set_delivery(looking, owed[2], leased_until=clock.now() + timedelta(minutes=1), lease_token="lease")
    unknown = str(uuid4())

    output = curfew("delivery", "retry", *owed, unknown, "--json", code=1).json

    assert output["due_now"] == 2
    assert {one["id"]: one["problem"] for one in output["deliveries"]} == {
        owed[0]: None,
        owed[1]: "it is accepted",
        owed[2]: "it is being attempted right now",
        owed[3]: None,
        unknown: "there is no such delivery",
    }
    said = curfew("delivery", "retry", owed[1], owed[3], code=1)
    assert said.out == f"Due now: {owed[3]} to green.\n"
    assert f"Not changed: {owed[1]} to red: it is accepted." in said.err


def test_a_cancelled_delivery_keeps_the_reason(curfew, owed, looking):
    curfew("delivery", "cancel", owed[0], "--reason", "red was shut down")

    row = curfew("delivery", "show", owed[0], "--json").json
    assert (row["state"], row["cancel_reason"]) == ("cancelled", "red was shut down")
    assert row["finished_at"]
    assert "next_attempt_at" not in row
    assert set(shown(curfew, "--state", "cancelled")) == {owed[0]}
    with looking():
        entry = db.session.scalars(select(AuditEvent).where(AuditEvent.tag == "delivery_cancelled")).one()
        assert (entry.client_id, entry.detail["reason"]) == ("red", "red was shut down")


def test_all_that_waits_for_a_client_is_cancelled_and_taken_back(curfew, owed, looking):
    set_delivery(looking, owed[0], leased_until=clock.now() + timedelta(minutes=1), lease_token="lease")

    refused = curfew("delivery", "cancel", "--client", "red", "--reason", "gone", code=2)
    assert "use --yes" in refused.err
    done = curfew("delivery", "cancel", "--client", "red", "--reason", "gone", "--yes", "--json")
    assert done.json == {"cancelled": 2}
    assert {shown(curfew)[one]["state"] for one in (owed[0], owed[3])} == {"pending"}

    assert curfew("delivery", "retry", "--client", "red", "--json").json == {"due_now": 0}
    taken_back = curfew("delivery", "retry", "--client", "red", "--state", "cancelled", "--json").json
    assert taken_back == {"due_now": 2}
    assert {one["cancel_reason"] for one in shown(curfew).values()} == {None}


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("--reason", "why"), id="nothing is named"),
        pytest.param(("--client", "red"), id="no reason"),
        pytest.param(("--client", "red", "--reason", "  "), id="an empty reason"),
        pytest.param(("--client", "red", "--reason", "x" * 501), id="a reason that is too long"),
    ],
)
def test_wrong_use_of_cancel(curfew, owed, arguments):
    curfew("delivery", "cancel", *arguments, code=2)


def test_what_refuses_is_listed_and_its_endpoint_with_it(curfew, owed, held, looking):
    set_delivery(looking, owed[0], refusals=2, last_outcome="misconfigured", last_status=404)
    set_delivery(looking, owed[1], refusals=2, last_outcome="connect", last_status=None)

    refusing = shown(curfew, "--state", "refusing")
    assert {key: one["state"] for key, one in refusing.items()} == {owed[0]: "refusing"}
    assert set(shown(curfew, "--state", "pending")) == set(owed)
    [endpoint] = curfew("delivery", "endpoints", "--json").json
    assert (endpoint["client_id"], endpoint["is_refusing"]) == ("red", True)
    assert "refusing" in curfew("delivery", "list").out
