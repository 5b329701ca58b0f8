"""Expiry ends sessions: exactly once, for its reason, in batches, and notifies the clients that want it."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from provider.accounts.models import Account
from provider.infrastructure.acting import Operator, acting_as
from provider.infrastructure.database import change, db, is_sqlite, transaction
from provider.logout import expiry
from provider.logout.bulk import begin as bulk
from provider.logout.models import Logout, LogoutReason
from provider.logout.notice import SID
from provider.sessions import lifecycle
from provider.worker import duties
from tests.factories import make_client, make_session


def logouts() -> list[Logout]:
    return list(db.session.scalars(select(Logout)))


def notified() -> list[str | None]:
    return sorted(db.session.scalars(select(SID)))


@pytest.mark.spec("DEC-06")
def test_an_unused_session_ends_by_idleness_and_its_apps_are_notified(ada, red, turned_clock):
    made = make_session(ada, [red])
    turned_clock.turn(timedelta(minutes=59))
    duties.expire_sessions()
    assert logouts() == []

    turned_clock.turn(timedelta(minutes=2))
    duties.expire_sessions()

    (ended,) = logouts()
    assert (ended.reason, ended.initiator) == (LogoutReason.IDLE_TIMEOUT, "system")
    assert notified() == [made.client_sessions["red"].sid]


def test_a_session_in_use_ends_at_its_absolute_end(ada, red, turned_clock):
    made = make_session(ada, [red])
    for _ in range(47):
        turned_clock.turn(timedelta(minutes=30))
        db.session.refresh(made.session)
        with transaction():
            assert lifecycle.touch(made.session)
        duties.expire_sessions()
    assert logouts() == []

    turned_clock.turn(timedelta(minutes=30))
    duties.expire_sessions()

    assert [ended.reason for ended in logouts()] == [LogoutReason.ABSOLUTE_TIMEOUT]


@pytest.mark.spec("DEC-06")
def test_a_client_may_wish_not_to_be_notified_of_mere_expiry(ada, red, turned_clock):
    quiet = make_client("quiet", settings={"told_of_expiry": False})
    made = make_session(ada, [red, quiet])
    turned_clock.turn(timedelta(hours=2))

    duties.expire_sessions()

    (ended,) = logouts()
    assert (ended.client_sessions_ended, ended.notifications) == (2, 1)
    assert notified() == [made.client_sessions["red"].sid]


def test_expiry_leaves_an_offline_grant_alone(ada, red, turned_clock):
    made = make_session(ada, [red], offline=("red",))
    turned_clock.turn(timedelta(hours=2))

    duties.expire_sessions()

    db.session.refresh(made.grants["red"])
    assert made.grants["red"].revoked_at is None
    assert logouts()[0].grants_surviving == 1


def test_those_that_expire_together_are_ended_in_pieces(ada, red, turned_clock):
    for _ in range(5):
        make_session(ada, [red])
    turned_clock.turn(timedelta(hours=2))

    for ended_so_far in (2, 4, 5, 5):
        duties.expire_sessions(batch=2)
        assert len(logouts()) == ended_so_far


def test_workers_at_the_same_time_end_each_session_once(app, ada, red, turned_clock):
    if is_sqlite():
        pytest.skip("SQLite has one writer at a time")
    made = [make_session(ada, [red]) for _ in range(20)]
    turned_clock.turn(timedelta(hours=2))
    begin = threading.Barrier(4)

    def work() -> None:
        with app.app_context():
            expired = expiry.list_expired(100)
            begin.wait()
            duties._end_invalid(expired)
            db.session.remove()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert len(logouts()) == 20
    assert notified() == sorted(one.client_sessions["red"].sid for one in made)


def test_one_broken_session_keeps_no_app_behind_it_from_being_notified(ada, red, turned_clock):
    make_session(ada, [red])
    second = make_session(ada, [make_client("green")])
    with transaction():
        red.registered = []
    turned_clock.turn(timedelta(hours=2))

    duties.expire_sessions()

    assert notified() == [second.client_sessions["green"].sid]


def test_a_session_already_revoked_for_its_person_is_found(ada, red):
    made = make_session(ada, [red], offline=("red",))
    with transaction():
        change(update(Account).values(epoch=Account.epoch + 1))

    duties.expire_sessions()
    assert logouts() == []
    duties.end_already_revoked()

    assert [ended.reason for ended in logouts()] == [LogoutReason.USER]
    db.session.refresh(made.grants["red"])
    assert made.grants["red"].revoked_at


def test_a_session_already_revoked_for_all_is_found_once_the_bulk_logout_is_over(ada, red):
    with transaction():
        begun = bulk.end_everybody("admin")
    made = make_session(ada, [red])
    with transaction():
        made.session.provider_epoch = made.grants["red"].provider_epoch = 0

    duties.end_already_revoked()
    assert logouts() == []
    with transaction():
        begun.finished_at = begun.at
    duties.end_already_revoked()

    assert [(ended.reason, ended.initiator) for ended in logouts()] == [(LogoutReason.ADMIN, "admin")]


def test_a_session_that_expires_has_nothing_to_do_with_an_earlier_bulk_logout(ada, red, turned_clock):
    with acting_as(Operator("cleo", "cleo@desk")), transaction():
        bulk.end_everybody("admin").finished_at = turned_clock()
    make_session(ada, [red])
    turned_clock.turn(timedelta(hours=2))

    duties.expire_sessions()

    (ended,) = logouts()
    assert (ended.reason, ended.initiator) == (LogoutReason.IDLE_TIMEOUT, "system")
    assert (ended.bulk_logout_id, ended.actor_name, ended.actor_origin) == (None, None, None)


def test_a_session_that_lives_is_not_ended(ada, red):
    made = make_session(ada, [red])

    with transaction():
        assert expiry.end_invalid(made.session.id) is None
