"""No new sign-ins at an app that has not heard of logouts for long, where the operator wants it so."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from provider.clients.models import Client
from provider.delivery.models import Delivery, DeliveryState, EndpointHealth
from provider.infrastructure.database import change, db, transaction
from provider.oauth.authorization.degraded_client import why_refused
from provider.sessions.queries import find_with_client
from tests.factories import make_account, make_client, make_session
from tests.support.degraded import let_degrade

FOUR_HOURS = timedelta(hours=4)
pytestmark = [pytest.mark.spec("DEC-09"), pytest.mark.spec("DLV-15")]


@pytest.fixture
def red(app) -> Client:
    """Red's logout endpoint has been degraded for five hours, and a delivery waits for it."""
    red = make_client("red", settings={"refuse_when_degraded_for": FOUR_HOURS})
    let_degrade(red, timedelta(hours=5))
    return red


def put(model, **values):
    with transaction():
        assert change(update(model).values(**values)) == 1


@pytest.mark.parametrize(
    ("model", "values", "refused"),
    [
        pytest.param(Client, {}, True, id="degraded for longer than the client's patience"),
        pytest.param(
            Client, {"refuse_when_degraded_for": timedelta(hours=6)}, False, id="not degraded for that long"
        ),
        pytest.param(Client, {"refuse_when_degraded_for": None}, False, id="warnings are enough"),
        pytest.param(EndpointHealth, {"degraded_since": None}, False, id="not degraded any more"),
        pytest.param(Client, {"deliver_to": "https://red.test/new"}, False, id="another address now"),
        pytest.param(
            Delivery,
            {"state": DeliveryState.EXPIRED},
            False,
            id="nothing waits that could show that it works again",
        ),
    ],
)
def test_new_sign_ins_are_refused(red, model, values, refused):
    if values:
        put(model, **values)
        db.session.refresh(red)

    assert (why_refused(red, None) is not None) == refused


def test_only_people_who_are_signed_in_there_go_on(red):
    green = make_client("green")
    there, elsewhere = (
        make_session(make_account(name), [app]) for name, app in (("ben", red), ("cleo", green))
    )

    assert why_refused(red, find_with_client(there.handle, red)) is None
    assert why_refused(red, find_with_client(elsewhere.handle, red))
    assert why_refused(green, None) is None


def test_it_costs_one_statement_and_nothing_without_the_option(red, statements):
    with statements() as with_option:
        why_refused(red, None)
    red.refuse_when_degraded_for = None
    with statements() as without:
        why_refused(red, None)

    assert (len(with_option), without) == (1, [])
