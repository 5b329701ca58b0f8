"""The clients that are notified of a logout, and how urgently."""

from datetime import timedelta

import pytest

from provider.infrastructure import clock
from provider.infrastructure.database import transaction
from provider.logout.fanout import plan, priority_of
from provider.logout.models import LogoutReason, LogoutScope
from provider.logout.participants import list_of_account
from tests.factories import make_client, make_session

FIRST, AFTERWARDS, IN_BULK = range(3)
EXPIRED = {LogoutReason.IDLE_TIMEOUT, LogoutReason.ABSOLUTE_TIMEOUT}
# Nothing of these is urgent: the person or an app asked for it, or made room for another session.
ORDINARY = {
    LogoutReason.RP_INITIATED,
    LogoutReason.USER,
    LogoutReason.CONSENT_WITHDRAWN,
    LogoutReason.SESSION_LIMIT,
    LogoutReason.SESSION_REPLACED,
    LogoutReason.UNKNOWN_SESSION,
}


@pytest.mark.parametrize("reason", LogoutReason)
def test_what_answers_an_incident_goes_first_and_expiry_last(reason):
    rank = priority_of(reason, LogoutScope.BROWSER, in_bulk=False)

    assert rank == (IN_BULK if reason in EXPIRED else AFTERWARDS if reason in ORDINARY else FIRST)


@pytest.mark.parametrize("scope", LogoutScope)
def test_a_sign_out_everywhere_goes_first_whatever_its_reason(scope):
    rank = priority_of(LogoutReason.USER, scope, in_bulk=False)

    assert rank == (FIRST if scope is LogoutScope.EVERYWHERE else AFTERWARDS)


def test_one_of_very_many_goes_last():
    assert priority_of(LogoutReason.ADMIN, LogoutScope.EVERYWHERE, in_bulk=True) == IN_BULK


def owed_to(account) -> list:
    return plan(list_of_account(account.id, lock=False), LogoutReason.USER)


def test_an_app_that_knows_sids_is_notified_of_each_of_its_client_sessions(ada):
    hours = timedelta(hours=8)
    red = make_client("red", settings={"session_lifetime": hours})
    made = [make_session(ada, [red]) for _ in range(2)]

    owed = owed_to(ada)

    client_sessions = [one.client_sessions["red"] for one in made]
    assert [one.subject_key for one in owed] == [f"sid:{one.id}" for one in client_sessions]
    assert [one.about["sid"] for one in owed] == [one.sid for one in client_sessions]
    assert [one.about["session_id"] for one in owed] == [one.session.id.hex for one in made]
    assert {(one.recipient_id, one.meaningful_for) for one in owed} == {(red.id, hours)}


def test_an_app_that_gets_sub_alone_is_notified_once_however_many_they_are(ada):
    red = make_client("red", settings={"logout_token_names": "sub"})
    made = [make_session(ada, [red]) for _ in range(2)]

    [owed] = owed_to(ada)

    assert (owed.subject_key, owed.meaningful_for) == (f"sub:{red.id}", None)
    assert (owed.about["sub"], owed.about["sid"]) == (made[0].grants["red"].sub, None)


def test_of_a_grant_alone_no_session_is_named(ada, red):
    made = make_session(ada, [red], offline=("red",))
    with transaction():
        made.client_sessions["red"].ended_at = clock.now()

    [owed] = owed_to(ada)

    grant = made.grants["red"]
    assert (owed.subject_key, owed.about["sid"]) == (f"sid:{grant.id}", grant.sid)
    assert owed.about["session_id"] is None
