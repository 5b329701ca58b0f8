"""A logout ends what is meant, says so in exact numbers, and touches nothing of other sessions and people."""

from dataclasses import replace
from datetime import timedelta

import pytest

from provider.infrastructure import current
from provider.infrastructure.database import db, transaction
from provider.logout.end_client_session import end_client_session
from provider.logout.end_grant import end_grant
from provider.logout.end_session import end
from provider.logout.everywhere import end_everywhere
from provider.logout.models import LogoutReason
from provider.logout.steps import Cause
from tests.factories import make_account, make_session
from tests.support.reads import end_read
from tests.support.wake_ups import RecordingWakeUps

pytestmark = pytest.mark.usefixtures("turned_clock")

BY_ADA = Cause(reason=LogoutReason.USER, initiator="account")


def lives(made) -> bool:
    """Return whether a session lives with its client session and its grant: all of them or none."""
    end_read()
    client_session, grant = made.client_sessions["red"], made.grants["red"]
    for row in (made.session, client_session, grant):
        db.session.refresh(row)
    ends = {made.session.ended_at is None, client_session.ended_at is None, grant.revoked_at is None}
    assert len(ends) == 1
    return ends.pop()


VERBS = [
    pytest.param(lambda made: end(made.session, BY_ADA), id="this browser"),
    pytest.param(lambda made: end_client_session(made.client_sessions["red"], BY_ADA), id="this app"),
    pytest.param(lambda made: end_grant(made.grants["red"].id, BY_ADA), id="this grant"),
]


@pytest.mark.parametrize("verb", VERBS)
def test_another_session_of_the_same_person_lives_on(ada, red, verb):
    here, elsewhere = make_session(ada, [red]), make_session(ada, [red])
    bens = make_session(make_account("ben"), [red])

    with transaction():
        outcome = verb(here)

    end_read()
    db.session.refresh(here.grants["red"])
    assert here.grants["red"].logout_id == outcome.logout.id
    assert (outcome.logout.client_sessions_ended, outcome.logout.grants_revoked) == (1, 1)
    assert lives(elsewhere)
    assert lives(bens)


def test_everywhere_leaves_what_another_person_has_without_a_session(ada, red):
    own, bens = (make_session(one, [red], offline=("red",)) for one in (ada, make_account("ben")))
    with transaction():
        for made in (own, bens):
            end(made.session, BY_ADA)

    with transaction():
        outcome = end_everywhere(ada, BY_ADA)

    assert (outcome.logout.grants_revoked, outcome.notifications) == (1, 1)
    end_read()
    db.session.refresh(bens.grants["red"])
    assert bens.grants["red"].revoked_at is None


def test_everywhere_counts_up_the_number_of_that_person_alone(ada):
    ben = make_account("ben")

    with transaction():
        end_everywhere(ada, BY_ADA)
        assert ada.epoch == 1

    end_read()
    for account in (ada, ben):
        db.session.refresh(account)
    assert (ada.epoch, ben.epoch) == (1, 0)


def test_without_an_app_there_is_nothing_but_the_session(ada):
    made = make_session(ada)

    with transaction():
        outcome = end(made.session, BY_ADA)

    logout = outcome.logout
    assert (logout.sessions_ended, logout.client_sessions_ended, logout.grants_revoked) == (1, 0, 0)
    assert (logout.grants_surviving, logout.notifications, outcome.apps_to_notify) == (0, 0, 0)


def test_a_grant_that_was_revoked_under_a_living_share_keeps_its_instant(ada, red, turned_clock):
    made = make_session(ada, [red], offline=("red",))
    with transaction():
        made.grants["red"].revoked_at = before = turned_clock()
    turned_clock.turn(timedelta(minutes=1))

    with transaction():
        outcome = end(made.session, BY_ADA)

    end_read()
    db.session.refresh(made.grants["red"])
    assert (made.grants["red"].revoked_at, made.grants["red"].logout_id) == (before, None)
    assert (outcome.logout.grants_revoked, outcome.logout.grants_surviving) == (0, 0)


@pytest.fixture
def wake_ups(app):
    wake_ups = RecordingWakeUps()
    current.install(app, replace(current.services(), wake_ups=wake_ups))
    return wake_ups


def test_a_worker_is_woken_after_the_commit_if_a_person_waits_for_it(ada, red, wake_ups):
    one, quiet, bulk = make_session(ada, [red]), make_session(ada), make_session(ada, [red])

    with transaction():
        outcome = end(one.session, BY_ADA)
        assert wake_ups.sent == []
        with pytest.raises(RuntimeError):
            assert outcome.is_worker_woken
    with transaction():
        unheard = end(quiet.session, BY_ADA)
    with transaction():
        later = end(bulk.session, replace(BY_ADA, in_bulk=True))

    assert wake_ups.sent == [str(outcome.logout.id)]
    assert (outcome.is_worker_woken, unheard.is_worker_woken, later.is_worker_woken) == (True, False, False)
