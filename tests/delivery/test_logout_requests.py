"""The request of one attempt to notify an app, and whether it is still right to send it."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from provider.accounts.models import Account
from provider.clients.models import Client
from provider.delivery.lease import own
from provider.delivery.models import Delivery
from provider.delivery.outgoing import OutgoingRequest, Prepared, Superseded, Undeliverable
from provider.grants import lifecycle as grants
from provider.infrastructure import clock
from provider.infrastructure.database import change, db, transaction
from provider.logout.end_client_session import end_client_session
from provider.logout.models import LogoutReason
from provider.logout.notification.logout_token import prepare
from provider.logout.steps import Cause
from provider.sessions import lifecycle
from provider.sessions.models import ClientSession, Session
from tests.conftest import TurnedClock
from tests.delivery.owing import deliveries_of, owe, sign_out_at
from tests.factories import make_account, make_client, make_session
from tests.support import signing_keys

BY_ADA = Cause(reason=LogoutReason.USER, initiator="account")
A_MINUTE = timedelta(minutes=1)
SUB_ALONE: dict[str, Any] = {"logout_token_names": "sub"}


@pytest.fixture(autouse=True)
def standing_clock(app: Flask, turned_clock: TurnedClock) -> TurnedClock:
    return turned_clock


def prepared(delivery: Delivery) -> Prepared:
    """Lease a delivery and return what is to be sent of it now."""
    with transaction():
        leased = own([delivery.id], clock.now(), "me")
        return prepare(leased)[delivery.id]


def request_of(delivery: Delivery) -> OutgoingRequest:
    made = prepared(delivery)
    assert callable(made)
    return made()


@pytest.mark.parametrize("is_slow", [False, True])
@pytest.mark.parametrize("deleted_at", [None, A_MINUTE])
def test_it_says_what_a_sending_thread_must_know(is_slow: bool, deleted_at: timedelta | None) -> None:
    delivery = owe(settings={"slow": is_slow})
    with transaction():
        change(update(Client).values(deleted_at=deleted_at and clock.now() - deleted_at))

    request = request_of(delivery)

    assert (request.url, request.name) == ("https://red.test/backchannel-logout", "red")
    assert (request.is_slow, request.gone) == (is_slow, "client_deleted" if deleted_at else None)
    assert request.jti
    assert request.jti != request_of_again(delivery).jti


def request_of_again(delivery: Delivery) -> OutgoingRequest:
    with transaction():
        change(update(Delivery).values(leased_until=None))
    return request_of(delivery)


@pytest.mark.parametrize("names", ["both", "sub"])
@pytest.mark.parametrize("revived", [Session, ClientSession])
def test_of_a_session_half_of_which_has_ended_no_other_one_that_lives_matters(
    names: str, revived: type
) -> None:
    red = make_client("red", settings={"logout_token_names": names})
    make_session(make_account("ben"), [red])
    [delivery] = sign_out_at(red)
    with transaction():
        change(update(revived).where(revived.logout_id == delivery.cause_id).values(ended_at=None))

    assert callable(prepared(delivery))


@pytest.mark.parametrize("names", ["both", "sub"])
def test_a_session_that_lives_at_the_instant_of_its_logout_is_not_signed_out(names: str) -> None:
    delivery = owe(settings={"logout_token_names": names})
    with transaction():
        for model in (Session, ClientSession):
            change(update(model).values(ended_at=None))

    assert prepared(delivery) == Undeliverable("session_lives")


def left(client: Client, *others: Client) -> tuple[Delivery, Session]:
    """Let Ada sign out of one app alone: what is owed to it, and the session that goes on."""
    with transaction():
        signing_keys.provide()
    made = make_session(make_account("ada"), [client, *others])
    with transaction():
        outcome = end_client_session(made.client_sessions[client.client_id], BY_ADA)
    assert outcome
    return deliveries_of(outcome.logout.id)[0], made.session


def test_the_other_apps_of_a_session_that_goes_on_hold_nothing_back() -> None:
    delivery, _ = left(make_client("red", settings=SUB_ALONE), make_client("green"))

    assert callable(prepared(delivery))


def test_a_person_who_has_come_back_in_the_same_session_supersedes_sub_alone(
    turned_clock: TurnedClock,
) -> None:
    red = make_client("red", settings=SUB_ALONE)
    delivery, session = left(red)
    turned_clock.turn(A_MINUTE)
    with transaction():
        account = db.session.get_one(Account, session.account_id)
        sid, epoch = lifecycle.new_sid(), session.provider_epoch
        grant = grants.create(account, red, scope="openid", sid=sid, provider_epoch=epoch, offline=False)
        lifecycle.join(session, red, grant)

    assert prepared(delivery) == Superseded()


def test_one_that_began_at_the_same_instant_is_not_newer() -> None:
    red, ada = make_client("red", settings=SUB_ALONE), make_account("ada")
    [delivery] = sign_out_at(red, account=ada)
    make_session(ada, [red])

    assert callable(prepared(delivery))


@pytest.mark.parametrize("names", ["both", "sub"])
def test_what_was_made_for_sub_alone_is_superseded_whatever_the_operator_has_chosen_since(
    names: str, turned_clock: TurnedClock
) -> None:
    red, ada = make_client("red", settings=SUB_ALONE), make_account("ada")
    [delivery] = sign_out_at(red, account=ada)
    turned_clock.turn(A_MINUTE)
    make_session(ada, [red])
    with transaction():
        change(update(Client).values(logout_token_names=names))

    assert prepared(delivery) == Superseded()


def test_neither_another_person_nor_the_same_one_elsewhere_has_come_back(turned_clock: TurnedClock) -> None:
    red, ada = make_client("red", settings=SUB_ALONE), make_account("ada")
    [delivery] = sign_out_at(red, account=ada)
    turned_clock.turn(A_MINUTE)
    make_session(ada, [make_client("green")])
    make_session(make_account("ben"), [red])

    assert callable(prepared(delivery))
    db.session.commit()
