"""A device among the things of a person: what ends it, whom that tells, and what it does not end."""

import pytest
from sqlalchemy import func, select

from provider.delivery.models import Delivery
from provider.infrastructure.database import db, transaction
from provider.inspection.check import check
from provider.logout.bulk import begin as bulk
from provider.logout.bulk.walk import carry_on
from provider.logout.end_client_session import end_client_session
from provider.logout.end_grant import end_grant
from provider.logout.end_session import end
from provider.logout.everywhere import end_everywhere
from provider.logout.models import Logout, LogoutReason
from provider.logout.others import end_others
from provider.logout.steps import Cause
from provider.sessions.models import ClientSession, Session
from tests.factories import make_session
from tests.support.device import Device

pytestmark = pytest.mark.usefixtures("signing_keys")

BY_ADA = Cause(reason=LogoutReason.USER, initiator="account")


@pytest.fixture
def made(ada):
    return make_session(ada)


@pytest.fixture
def tv(app):
    return Device(app, backchannel_logout_uri="https://tv.test/backchannel-logout")


FRESH = {"populate_existing": True}


def device() -> Session:
    """The newest device."""
    devices = select(Session).where(Session.is_device).order_by(Session.id.desc()).limit(1)
    return db.session.scalars(devices, execution_options=FRESH).one()


def client_session() -> ClientSession:
    of_device = select(ClientSession).where(ClientSession.session_id == device().id)
    return db.session.scalars(of_device, execution_options=FRESH).one()


def count(model) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0


@pytest.mark.parametrize(
    "how",
    [
        pytest.param(lambda ada, made: end(device(), BY_ADA), id="this device"),
        pytest.param(
            lambda ada, made: end_client_session(client_session(), BY_ADA), id="its app on this device"
        ),
        pytest.param(
            lambda ada, made: end_grant(client_session().grant_id, BY_ADA), id="the app, disconnected"
        ),
        pytest.param(lambda ada, made: end_everywhere(ada, BY_ADA), id="everywhere"),
        pytest.param(lambda ada, made: end_others(ada, made.session, BY_ADA), id="everywhere but here"),
    ],
)
def test_whatever_ends_it_the_device_is_gone_and_its_app_is_notified_once(tv, made, ada, how):
    tokens = tv.sign_in_by(made)

    with transaction():
        how(ada, made)

    ended, shared = device(), client_session()
    assert {ended.logout_id, shared.logout_id} == {db.session.scalars(select(Logout.id)).one()}
    assert count(Delivery) == 1
    assert tv.refresh(tokens["refresh_token"]).json["error"] == "invalid_grant"


def test_a_device_that_gives_its_refresh_token_back_has_signed_itself_out(tv, made):
    """rfc7009 §2.1: what hangs on it goes with it, and of a device that is everything."""
    tokens = tv.sign_in_by(made)

    assert tv.revoke(tokens["refresh_token"]).status_code == 200

    assert device().ended_at is not None
    assert tv.userinfo(tokens["access_token"]).status_code == 401
    logout = db.session.scalars(select(Logout)).one()
    assert (logout.initiator, logout.initiator_client_id) == ("client", "tv")


def test_a_replayed_refresh_token_ends_the_device(tv, made):
    tokens = tv.sign_in_by(made)
    assert tv.refresh(tokens["refresh_token"]).status_code == 200

    assert tv.refresh(tokens["refresh_token"]).json["error"] == "invalid_grant"

    assert device().ended_at is not None
    assert db.session.scalars(select(Logout.reason)).one() == "refresh_replay"


def test_two_devices_of_one_app_end_one_by_one(tv, made):
    first, second = tv.sign_in_by(made), tv.sign_in_by(made)

    tv.revoke(first["refresh_token"])

    assert tv.userinfo(first["access_token"]).status_code == 401
    assert tv.userinfo(second["access_token"]).status_code == 200


def test_an_app_that_may_no_longer_stay_offline_is_refused_on_its_devices_too(tv, made):
    """ABU-24."""
    tokens = tv.sign_in_by(made)
    registered = dict(tv.client.registered, scope="openid profile")
    with transaction():
        db.session.get_one(type(tv.client), tv.client.id).registered = registered

    assert tv.refresh(tokens["refresh_token"]).json["error"] == "invalid_grant"


def test_the_devices_of_such_an_app_are_ended_with_its_offline_grants(tv, made):
    """ABU-24: those that stay signed in as long as a grant; others end soon enough by themselves."""
    tv.sign_in_by(made)
    brief = tv.sign_in_by(made, scope="openid")
    with transaction():
        bulk.end_offline_of_client(tv.client, "admin")

    walked = carry_on()
    while walked and walked.finished_at is None:
        walked = carry_on()

    assert device().ended_at is None
    assert tv.userinfo(brief["access_token"]).status_code == 200
    ended = select(Session).where(Session.is_device, Session.ended_at.is_not(None))
    assert len(db.session.scalars(ended).all()) == 1
    assert count(Delivery) == 1


def test_nothing_of_a_device_is_at_odds(tv, made, ada):
    tv.sign_in_by(made)
    gone = tv.sign_in_by(made)
    tv.revoke(gone["refresh_token"])

    assert [finding for finding in check() if finding.wrong] == []
