"""Everywhere but here: what a changed password does."""

import pytest
from sqlalchemy import select

from provider.infrastructure.database import db, transaction
from provider.logout.end_client_session import end_client_session
from provider.logout.end_session import end
from provider.logout.models import LogoutReason, LogoutScope
from provider.logout.notice import SID
from provider.logout.others import end_others
from provider.logout.steps import Cause
from provider.sessions.queries import find_live
from tests.factories import make_account, make_session

CHANGED = Cause(reason=LogoutReason.PASSWORD_CHANGED, initiator="account")


def notified() -> set[str | None]:
    return set(db.session.scalars(select(SID)))


def is_revoked(grant) -> bool:
    db.session.refresh(grant)
    return grant.revoked_at is not None


def test_the_kept_session_lives_on_with_all_that_was_given_in_it(ada, red):
    here, elsewhere = (make_session(ada, [red], offline=("red",)) for _ in range(2))
    ben = make_session(make_account("ben"), [red])

    with transaction():
        outcome = end_others(ada, here.session, CHANGED)

    assert (outcome.logout.scope, outcome.logout.sessions_ended) == (LogoutScope.OTHERS, 1)
    assert find_live(here.handle)
    assert find_live(ben.handle)
    assert find_live(elsewhere.handle) is None
    assert notified() == {elsewhere.client_sessions["red"].sid}
    assert not is_revoked(here.grants["red"])
    assert is_revoked(elsewhere.grants["red"])


def test_an_offline_grant_of_a_session_that_ended_before_goes_too(ada, red):
    here, old = (make_session(ada, [red], offline=("red",)) for _ in range(2))
    with transaction():
        end(old.session, Cause(reason=LogoutReason.USER, initiator="account"))

    with transaction():
        outcome = end_others(ada, here.session, CHANGED)

    assert outcome.notifications == 1
    assert is_revoked(old.grants["red"])


def test_an_offline_grant_that_outlived_its_share_of_the_kept_session_stays(ada, red):
    here = make_session(ada, [red], offline=("red",))
    with transaction():
        end_client_session(here.client_sessions["red"], Cause(reason=LogoutReason.USER, initiator="account"))

    with transaction():
        outcome = end_others(ada, here.session, CHANGED)

    assert outcome.notifications == 0
    assert not is_revoked(here.grants["red"])


def test_an_offline_grant_on_its_own_is_not_part_of_it_if_offline_access_is_kept(ada, red):
    here, old = (make_session(ada, [red], offline=("red",)) for _ in range(2))
    by_ada = Cause(reason=LogoutReason.USER, initiator="account")
    with transaction():
        end(old.session, by_ada)

    with transaction():
        outcome = end_others(ada, here.session, by_ada, keep_offline=True)

    assert (outcome.notifications, outcome.survivors, outcome.logout.grants_surviving) == (0, [], 0)
    assert not is_revoked(old.grants["red"])


@pytest.mark.parametrize("others", [0, 1, 12])
def test_it_costs_the_same_number_of_statements_however_much_there_is(ada, red, statements, others):
    here = make_session(ada, [red])
    for _ in range(others):
        make_session(ada, [red], offline=("red",))

    with statements() as seen, transaction():
        end_others(ada, here.session, CHANGED)

    assert len(seen) <= 9
