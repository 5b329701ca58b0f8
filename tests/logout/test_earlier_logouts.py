"""A logout touches what lives: what ended earlier keeps its record, and expired grants are not counted."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from provider.grants.models import Grant
from provider.infrastructure.database import db, transaction
from provider.logout.bulk import begin as bulk
from provider.logout.bulk import walk as bulk_walk
from provider.logout.bulk.queries import measure
from provider.logout.end_client_session import end_client_session
from provider.logout.end_grant import end_grant
from provider.logout.end_session import end
from provider.logout.everywhere import end_everywhere
from provider.logout.models import BulkKind, Logout, LogoutReason
from provider.logout.notice import SID
from provider.logout.others import end_others
from provider.logout.preview import preview_everywhere, preview_session
from provider.logout.steps import Cause
from provider.sessions.queries import find_live
from tests.factories import make_client, make_session
from tests.support.reads import end_read

pytestmark = pytest.mark.usefixtures("turned_clock")

BY_ADA = Cause(reason=LogoutReason.USER, initiator="account")
BY_ADMIN = Cause(reason=LogoutReason.ADMIN, initiator="admin")
# Shorter than the idle lifetime of a session.
GRANT_LIFETIME = timedelta(minutes=30)


@pytest.fixture
def brief(app):
    """A client whose offline grants end long before a session does."""
    return make_client("brief", settings={"grant_lifetime": GRANT_LIFETIME})


def notified() -> list[str | None]:
    return sorted(db.session.scalars(select(SID)))


def ended_by(row) -> tuple:
    end_read()
    db.session.refresh(row)
    return row.logout_id, row.revoked_at if isinstance(row, Grant) else row.ended_at


def everywhere(ada, keep):
    return end_everywhere(ada, BY_ADMIN)


def everywhere_else(ada, keep):
    return end_others(ada, keep.session, BY_ADMIN)


@pytest.mark.parametrize("wider", [everywhere, everywhere_else])
def test_a_wider_logout_leaves_the_record_of_an_earlier_one(ada, red, turned_clock, wider):
    keep, old, part = make_session(ada), make_session(ada, [red]), make_session(ada, [red])
    with transaction():
        first = end(old.session, BY_ADA)
    with transaction():
        second = end_client_session(part.client_sessions["red"], BY_ADA)
    turned_clock.turn(timedelta(minutes=5))

    with transaction():
        outcome = wider(ada, keep)

    assert ended_by(old.session) == (first.logout.id, first.logout.at)
    assert ended_by(old.client_sessions["red"]) == (first.logout.id, first.logout.at)
    assert ended_by(old.grants["red"]) == (first.logout.id, first.logout.at)
    assert ended_by(part.client_sessions["red"]) == (second.logout.id, second.logout.at)
    assert ended_by(part.grants["red"]) == (second.logout.id, second.logout.at)
    assert ended_by(part.session) == (outcome.logout.id, outcome.logout.at)
    counts = (outcome.logout.sessions_ended, outcome.logout.client_sessions_ended)
    assert counts == (2 if wider is everywhere else 1, 0)
    assert (outcome.logout.grants_revoked, outcome.logout.notifications) == (0, 0)


def test_a_grant_that_was_revoked_alone_keeps_its_record(ada, red, turned_clock):
    made = make_session(ada, [red], offline=("red",))
    with transaction():
        end(made.session, BY_ADA)
    with transaction():
        first = end_grant(made.grants["red"].id, BY_ADA)
    turned_clock.turn(timedelta(minutes=5))

    with transaction():
        outcome = end_everywhere(ada, BY_ADMIN)

    assert ended_by(made.grants["red"]) == (first.logout.id, first.logout.at)
    assert (outcome.logout.grants_revoked, outcome.logout.notifications) == (0, 0)


@pytest.fixture
def expired(ada, brief, turned_clock):
    """An offline grant that outlived its session and has expired since."""
    made = make_session(ada, [brief], offline=("brief",))
    with transaction():
        end(made.session, BY_ADA)
    turned_clock.turn(GRANT_LIFETIME)
    return made


@pytest.mark.parametrize("wider", [everywhere, everywhere_else])
def test_an_expired_offline_grant_is_neither_counted_nor_notified(ada, red, expired, wider):
    before, keep = notified(), make_session(ada)
    living = make_session(ada, [red], offline=("red",))

    shown = preview_everywhere(ada.id)
    with transaction():
        outcome = wider(ada, keep)

    assert (shown.grant_count, [app.client.client_id for app in shown.apps]) == (1, ["red"])
    assert (outcome.logout.grants_revoked, outcome.logout.notifications) == (1, 1)
    assert notified() == sorted([*before, living.client_sessions["red"].sid])


def test_a_moment_earlier_it_is_both(ada, expired, turned_clock):
    before = notified()
    turned_clock.turn(timedelta(seconds=-1))

    with transaction():
        outcome = end_everywhere(ada, BY_ADMIN)

    assert (outcome.logout.grants_revoked, outcome.logout.notifications) == (1, 1)
    assert notified() == sorted([*before, expired.grants["brief"].sid])


def test_a_bulk_logout_passes_it_by(ada, brief, expired):
    before = notified()
    assert measure(BulkKind.CLIENT, client=brief).grants == 0

    with transaction():
        begun = bulk.end_of_client(brief, "admin")
    while (seen := bulk_walk.carry_on()) is not None:
        begun = seen

    assert (begun.total, begun.done) == (0, 0)
    assert notified() == before


def test_a_grant_that_expires_while_a_bulk_logout_walks_is_notified(ada, brief, turned_clock):
    made = make_session(ada, [brief], offline=("brief",))
    with transaction():
        end(made.session, BY_ADA)
    before = notified()
    with transaction():
        bulk.end_of_client(brief, "admin")
    turned_clock.turn(GRANT_LIFETIME)

    while bulk_walk.carry_on() is not None:
        pass

    # It was alive when the bulk logout began.
    assert notified() == sorted([*before, made.grants["brief"].sid])


def test_there_is_nothing_to_revoke_of_it_alone(ada, expired):
    before = notified()

    with transaction():
        outcome = end_grant(expired.grants["brief"].id, BY_ADA)

    assert outcome is None
    assert notified() == before


def sign_out(made):
    return end(made.session, BY_ADA)


def leave_the_app(made):
    return end_client_session(made.client_sessions["brief"], BY_ADA)


@pytest.mark.parametrize("verb", [sign_out, leave_the_app])
def test_an_expired_offline_grant_of_a_living_session_does_not_survive_it(ada, brief, turned_clock, verb):
    made = make_session(ada, [brief], offline=("brief",))
    turned_clock.turn(GRANT_LIFETIME)
    assert find_live(made.handle)

    shown = preview_session(made.session.id)
    with transaction():
        outcome = verb(made)

    (app_,) = shown.apps
    assert (app_.survives, shown.grant_count) == (False, 0)
    assert (outcome.survivors, outcome.logout.grants_surviving, outcome.logout.grants_revoked) == ([], 0, 0)
    # Its part of the session lived, so the app is notified.
    assert notified() == [made.client_sessions["brief"].sid]
    assert db.session.scalars(select(Logout)).one().client_sessions_ended == 1
