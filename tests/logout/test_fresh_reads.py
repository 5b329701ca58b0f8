"""Decisions read their rows anew, also where the same row was read before in the same transaction."""

import pytest
from sqlalchemy import update

from provider.clients.models import Client
from provider.grants.models import Grant
from provider.infrastructure.database import change, db, transaction
from provider.infrastructure.provider_state import THE_ROW, ProviderState
from provider.logout import expiry
from provider.logout.bulk import begin as bulk
from provider.logout.bulk import queries as bulk_queries
from provider.logout.end_session import end
from provider.logout.models import BulkLogout, LogoutReason
from provider.logout.participants import list_of_account, list_of_session, lock_of_sessions
from provider.logout.steps import Cause
from provider.sessions.models import Session
from provider.tokens import access, device_codes
from provider.tokens.device_models import DeviceCode
from provider.tokens.liveness import find_access_token
from provider.tokens.models import AccessToken
from provider.tokens.queries import find_access_token_row
from tests.factories import make_account, make_session


@pytest.fixture
def made(red):
    return make_session(make_account("ada"), [red], offline=("red",))


@pytest.fixture
def token(red):
    with transaction():
        return access.issue_for_client(red, scope="jobs")[0]


@pytest.fixture
def codes(red):
    with transaction():
        return device_codes.issue(red, scope="openid", device="TV", ip=None, request={})[1:]


def read_twice(read, model, **values):
    """Read a row, change it behind the session's back, and return what is read then."""
    with transaction():
        before = read()
        assert all(getattr(before, name) != value for name, value in values.items())
        change(update(model).values(**values))
        after = read()
        assert after is before
        return {name: getattr(after, name) for name in values} == values


def test_tokens(token):
    assert read_twice(lambda: find_access_token(token).token, AccessToken, scope="changed")
    assert read_twice(lambda: find_access_token_row(token), AccessToken, scope="again")


def test_the_number_of_the_provider(red):
    with transaction():
        known = db.session.get_one(ProviderState, THE_ROW)
        change(update(ProviderState).values(epoch=known.epoch + 1))
        _, token = access.issue_for_client(red, scope="jobs")

        assert token.provider_epoch == 1


def test_device_codes(codes):
    handle, user_code = codes
    assert read_twice(lambda: device_codes.find(handle).code, DeviceCode, scope="changed")
    assert read_twice(lambda: device_codes.find_waiting(user_code)[0], DeviceCode, scope="again")


def test_client_sessions_of_sessions(made):
    assert read_twice(lambda: list_of_session(made.session.id, lock=False)[0].grant, Grant, scope="changed")
    assert read_twice(lambda: list_of_session(made.session.id, lock=False)[0].client, Client, epoch=7)


def test_those_of_many_sessions_at_once(made):
    def locked():
        return lock_of_sessions([made.session.id])[made.session.id][0]

    assert read_twice(lambda: locked().client, Client, epoch=7)
    # Rows that are only read are of no session, so that each statement makes others.
    with transaction():
        assert locked().grant.sub != "changed"
        change(update(Grant).values(sub="changed"))
        assert locked().grant.sub == "changed"


def test_grants_on_their_own(made):
    with transaction():
        end(made.session, Cause(reason=LogoutReason.USER, initiator="account"))

    assert read_twice(
        lambda: list_of_account(made.session.account_id, lock=False)[0].grant, Grant, scope="changed"
    )


def test_bulk_logouts(app):
    with transaction():
        begun = bulk.end_everybody("admin")

    assert read_twice(bulk_queries.find_unfinished, BulkLogout, pace=7)
    assert read_twice(lambda: bulk_queries.find(begun.id), BulkLogout, pace=8)


def test_dead_sessions(made):
    assert read_twice(lambda: expiry._look_at(made.session.id)[0], Session, device="changed")
