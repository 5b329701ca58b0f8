"""No false logout (design §1): a token is held back exactly where it would end a session that lives."""

import pytest
from flask import Flask
from sqlalchemy import update

from provider.delivery.models import DeliveryState
from provider.infrastructure.database import change, transaction
from provider.logout.notification.outbox import drain
from provider.sessions.models import ClientSession, Session
from tests.delivery.owing import make_due, now_is, owe, sign_out_at
from tests.delivery.receivers import receiving
from tests.factories import make_account, make_client, make_session


def test_a_session_at_another_app_supersedes_nothing(app: Flask) -> None:
    ada = make_account("ada")
    with receiving(503, 200) as red:
        client = make_client("red", port=red.port, settings={"logout_token_names": "sub"})
        [delivery] = sign_out_at(client, account=ada)
        drain()
        make_session(ada, [make_client("green")])
        make_due(delivery)
        drain()

    assert now_is(delivery).state == DeliveryState.ACCEPTED


def test_the_older_sessions_that_live_supersede_nothing_and_do_not_hold_it_back(app: Flask) -> None:
    """They are those that `sub` alone ends at the app as well; the operator has chosen that."""
    ada = make_account("ada")
    with receiving() as red:
        client = make_client("red", port=red.port, settings={"logout_token_names": "sub"})
        make_session(ada, [client])
        [delivery] = sign_out_at(client, account=ada)
        drain()

    assert now_is(delivery).state == DeliveryState.ACCEPTED


@pytest.mark.parametrize("names", ["both", "sub"])
@pytest.mark.parametrize("revived", [Session, ClientSession])
def test_a_session_of_which_half_has_ended_does_not_live(app: Flask, names: str, revived: type) -> None:
    with receiving() as red:
        delivery = owe(port=red.port, settings={"logout_token_names": names})
        with transaction():
            change(update(revived).values(ended_at=None))
        drain()

    assert now_is(delivery).state == DeliveryState.ACCEPTED


def test_a_session_that_lives_is_not_signed_out_by_sub_alone(app: Flask) -> None:
    with receiving() as red:
        delivery = owe(port=red.port, settings={"logout_token_names": "sub"})
        with transaction():
            change(update(Session).values(ended_at=None))
            change(update(ClientSession).values(ended_at=None))
        drain()

    assert red.received == []
    assert now_is(delivery).last_outcome == "session_lives"
