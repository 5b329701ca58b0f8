"""Whatever ends a device's session refuses its tokens at once, and answers that it has not fetched."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from provider.accounts.models import Account
from provider.clients.models import Client
from provider.grants.models import Grant
from provider.infrastructure import clock
from provider.infrastructure.database import change, db, transaction
from provider.infrastructure.provider_state import ProviderState
from provider.logout.end_session import end
from provider.logout.everywhere import end_everywhere
from provider.logout.models import LogoutReason
from provider.logout.steps import Cause
from provider.sessions.models import Session
from tests.factories import make_session
from tests.support.device import Device, answer
from tests.support.reads import end_read

BY_ADA = Cause(reason=LogoutReason.USER, initiator="account")


@pytest.fixture
def tv(app):
    return Device(app)


@pytest.fixture
def made(ada):
    """Ada's browser session, in which she answers."""
    return make_session(ada)


def set_all(model, **values) -> None:
    with transaction():
        assert change(update(model).values(**values)) >= 1


def test_signing_out_of_the_browser_does_not_end_the_device(tv, made):
    tokens = tv.sign_in_by(made)
    with transaction():
        assert end(made.session, BY_ADA)

    assert tv.userinfo(tokens["access_token"]).status_code == 200
    assert tv.refresh(tokens["refresh_token"]).status_code == 200


WIDER_WAYS_TO_END = [
    pytest.param(lambda ada: end_everywhere(db.session.get_one(Account, ada.id), BY_ADA), id="everywhere"),
    pytest.param(lambda ada: set_row(Account, disabled_at=clock.now()), id="her account was disabled"),
    pytest.param(lambda ada: set_row(Client, epoch=7), id="the client has another epoch"),
    pytest.param(lambda ada: set_row(ProviderState, epoch=7), id="the provider has another epoch"),
]
WAYS_TO_END = [
    pytest.param(lambda ada: end(device_row(), BY_ADA), id="she signed this device out"),
    pytest.param(lambda ada: set_row(Grant, revoked_at=clock.now()), id="the grant was revoked"),
    *WIDER_WAYS_TO_END,
]


def device_row() -> Session:
    return db.session.scalars(select(Session).where(Session.is_device)).one()


def set_row(model, **values) -> None:
    assert change(update(model).values(**values)) == 1


@pytest.mark.parametrize("how", WAYS_TO_END)
def test_whatever_ends_the_device_its_tokens_are_refused_at_once(tv, made, ada, how):
    """An offline_access that the device has does not outlive its session."""
    tokens = tv.sign_in_by(made)
    assert tv.userinfo(tokens["access_token"]).status_code == 200

    with transaction():
        how(ada)

    assert tv.userinfo(tokens["access_token"]).status_code == 401
    assert tv.refresh(tokens["refresh_token"]).status_code in {400, 401}


@pytest.mark.parametrize(
    "how",
    [case for case in WAYS_TO_END if case.id not in {"she signed this device out", "the grant was revoked"}],
)
def test_an_answer_does_not_outlive_what_ended_before_the_device_asked(tv, made, ada, how):
    """SEC-711: a code that was allowed is void once everything of the person, the client or all has ended."""
    begun = tv.begin()
    answer(begun["user_code"], made)

    with transaction():
        how(ada)

    assert tv.poll(begun["device_code"]).json["error"] in {"access_denied", "invalid_client"}
    end_read()
    assert db.session.scalars(select(Session).where(Session.is_device)).all() == []


def test_an_answer_needs_its_session_alive_until_the_device_has_asked(tv, made):
    """Like a code on its way; ending a stolen session voids the answers given in it."""
    begun = tv.begin()
    answer(begun["user_code"], made)
    with transaction():
        assert end(made.session, BY_ADA)

    assert tv.poll(begun["device_code"]).json["error"] == "access_denied"


def test_everything_issued_before_an_instant_is_refused_and_so_is_an_answer(tv, made):
    begun = tv.begin()
    answer(begun["user_code"], made)
    set_all(ProviderState, issued_before_is_dead_at=clock.now() + timedelta(1))

    assert tv.poll(begun["device_code"]).json["error"] == "access_denied"
