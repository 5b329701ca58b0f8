"""Bulk logouts: one watermark at once, then every row ended and every app notified exactly once."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from provider.audit.models import AuditEvent
from provider.delivery.models import Delivery
from provider.grants.models import Grant
from provider.infrastructure import clock, current
from provider.infrastructure.database import db, transaction
from provider.logout.bulk import begin as bulk
from provider.logout.bulk import walk as bulk_walk
from provider.logout.bulk.queries import measure
from provider.logout.end_session import end
from provider.logout.models import BulkKind, Logout, LogoutReason
from provider.logout.notice import SID
from provider.logout.steps import Cause
from provider.oauth.authorization.decision import Proceed
from provider.oauth.authorization.issue_response import issue_response
from provider.oauth.authorization.request import AuthorizationRequest
from provider.sessions.models import ClientSession
from provider.sessions.queries import find_live, find_with_client
from tests.factories import make_session


def begin(act, *arguments):
    with transaction():
        return act(*arguments, "admin")


def walk(begun):
    """Carry on until it is finished, as the workers do turn by turn."""
    while (seen := bulk_walk.carry_on()) is not None:
        begun = seen
    return begun


def notified() -> list[str | None]:
    return sorted(db.session.scalars(select(SID)))


def reasons() -> set[str]:
    return set(db.session.scalars(select(Logout.reason)))


def sids(*made) -> list[str]:
    return sorted(client_session.sid for one in made for client_session in one.client_sessions.values())


def test_everybody_is_signed_out_on_the_next_request_and_apps_are_notified_afterwards(ada, ben, red, green):
    ours = [make_session(ada, [red, green], offline=("green",)), make_session(ben, [red])]

    begun = begin(bulk.end_everybody)
    assert [find_live(one.handle) for one in ours] == [None, None]
    assert notified() == []

    ended = walk(begun)
    assert notified() == sids(*ours)
    assert reasons() == {LogoutReason.ADMIN}
    assert (ended.total, ended.done) == (2, 2)
    assert ended.finished_at
    assert db.session.scalar(select(func.count()).where(Grant.revoked_at.is_(None))) == 0


def test_who_signs_in_after_a_mass_ending_is_not_touched_by_it(ada, red):
    make_session(ada, [red])
    begun = begin(bulk.end_everybody)
    db.session.expire_all()
    fresh = make_session(ada, [red], offline=("red",))

    walk(begun)

    assert find_live(fresh.handle)
    assert fresh.client_sessions["red"].sid not in notified()
    db.session.refresh(fresh.grants["red"])
    assert fresh.grants["red"].revoked_at is None


def test_an_offline_grant_that_outlived_its_session_ends_too_and_is_notified_under_its_sid(ada, red):
    made = make_session(ada, [red], offline=("red",))
    with transaction():
        end(made.session, Cause(reason=LogoutReason.USER, initiator="account"))
    before = notified()

    ended = walk(begin(bulk.end_everybody))

    assert (ended.total, ended.done) == (1, 1)
    assert notified() == sorted([*before, made.client_sessions["red"].sid])


def test_all_of_one_client_ends_and_other_apps_live_on(ada, ben, red, green):
    here, there = make_session(ada, [red, green], offline=("red",)), make_session(ben, [red])

    ended = walk(begin(bulk.end_of_client, red))

    assert (ended.total, ended.done) == (2, 2)
    assert notified() == sorted([here.client_sessions["red"].sid, there.client_sessions["red"].sid])
    assert find_live(here.handle)
    db.session.refresh(here.client_sessions["green"])
    assert here.client_sessions["green"].is_live
    db.session.refresh(here.grants["red"])
    assert here.grants["red"].revoked_at


def test_what_was_issued_before_an_instant_ends_and_what_came_later_lives(ada, red, turned_clock):
    old = make_session(ada, [red])
    instant = turned_clock.turn(timedelta(minutes=5))
    late = make_session(ada, [red])
    turned_clock.turn(timedelta(minutes=5))

    begun = begin(bulk.end_issued_before, instant)
    assert find_live(old.handle) is None
    walk(begun)

    assert find_live(late.handle)
    assert notified() == sids(old)


def test_the_instant_only_moves_forward(ada, red, turned_clock):
    first = make_session(ada, [red])
    later = turned_clock.turn(timedelta(minutes=5))
    begin(bulk.end_issued_before, later)
    begin(bulk.end_issued_before, later - timedelta(minutes=10))

    assert find_live(first.handle) is None
    with pytest.raises(bulk.InTheFuture):
        begin(bulk.end_issued_before, later + timedelta(hours=1))


def test_a_session_that_had_expired_before_is_notified_as_such(ada, red, turned_clock):
    made = make_session(ada, [red], offline=("red",))
    turned_clock.turn(timedelta(hours=2))

    walk(begin(bulk.end_everybody))

    assert reasons() == {LogoutReason.IDLE_TIMEOUT, LogoutReason.ADMIN}
    db.session.refresh(made.session)
    assert db.session.get_one(Logout, made.session.logout_id).reason == LogoutReason.IDLE_TIMEOUT
    db.session.refresh(made.grants["red"])
    assert made.grants["red"].revoked_at


def test_the_watermark_is_a_handful_of_statements_however_many_sessions_there_are(ada, red, statements):
    for _ in range(10):
        make_session(ada, [red])

    for act, arguments in ((bulk.end_everybody, ()), (bulk.end_of_client, (red,))):
        with statements() as seen:
            begin(act, *arguments)
        assert len(seen) <= 4


def test_it_is_in_the_audit(ada, red):
    begun = begin(bulk.end_of_client, red)

    entry = db.session.scalars(select(AuditEvent).where(AuditEvent.tag == "mass_ending")).one()
    assert (entry.actor, entry.client_id) == ("admin", "red")
    assert entry.detail["mass_ending_id"] == str(begun.id)


def test_bulk_notifications_go_after_those_that_someone_waits_for(ada, red):
    many, one = make_session(ada, [red]), make_session(ada, [red])
    with transaction():
        end(one.session, Cause(reason=LogoutReason.USER, initiator="account"))
    walk(begin(bulk.end_everybody))

    ranks = {row.sid: row.priority for row in db.session.scalars(select(Delivery))}
    assert ranks[one.client_sessions["red"].sid] < ranks[many.client_sessions["red"].sid]


def test_the_pace_is_kept(app, ada, red):
    current.install(
        app, replace(current.services(), settings=replace(current.settings(), bulk_logout_pace=25))
    )
    for _ in range(10):
        make_session(ada, [red])
    begun = begin(bulk.end_everybody)

    started = clock.now()
    walk(begun)

    assert clock.now() - started >= timedelta(seconds=0.32)


def test_an_app_that_is_entered_again_before_the_walk_gets_another_sid(ada, red):
    made = make_session(ada, [red])
    begun = begin(bulk.end_of_client, red)
    with transaction():
        found = find_with_client(made.handle, red)
        asked = AuthorizationRequest(redirect_uri="https://red.test/callback", scopes=("openid",))
        issue_response(asked, Proceed(("openid",), consented=False), red, found)
    walk(begun)

    assert notified() == sids(made)
    (fresh,) = db.session.scalars(select(ClientSession).where(ClientSession.ended_at.is_(None)))
    assert fresh.sid != made.client_sessions["red"].sid


def test_what_would_be_reached_is_counted_without_ending_anything(ada, ben, red, green):
    make_session(ada, [red, green], offline=("green",))
    make_session(ben, [red])

    everybody, one = measure(BulkKind.ALL), measure(BulkKind.CLIENT, client=red)

    assert (everybody.sessions, everybody.client_sessions, everybody.grants, everybody.apps) == (2, 3, 3, 2)
    assert (one.sessions, one.client_sessions, one.grants, one.apps) == (0, 2, 2, 1)
