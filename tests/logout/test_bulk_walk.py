"""The walk of a bulk logout goes on: beside other walkers, past broken rows, after a crash."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from provider.infrastructure.database import db, transaction
from provider.infrastructure.database_errors import AWAY
from provider.logout.bulk import begin as bulk
from provider.logout.bulk import walk as bulk_walk
from provider.logout.bulk.queries import find
from provider.logout.models import Logout
from provider.sessions.models import Session
from provider.sessions.queries import find_live
from tests.factories import make_session
from tests.logout.test_bulk_logout import begin, notified, sids, walk
from tests.support.losing_database import LOSSES, database_lost_once
from tests.support.waiting import wait_until
from tests.support.walker import walking


@pytest.fixture
def settings(settings):
    """On a busy machine, walkers may wait for SQLite's only lock for longer than a request would."""
    return replace(settings, database_deadline=timedelta(minutes=1))


def test_walkers_at_the_same_time_end_each_row_once(app, ada, red, green):
    made = [make_session(ada, [red, green]) for _ in range(30)]
    begin(bulk.end_everybody)

    def work() -> None:
        with app.app_context():
            while bulk_walk.carry_on() is not None:
                pass
            db.session.remove()

    walkers = [threading.Thread(target=work) for _ in range(4)]
    for walker in walkers:
        walker.start()
    for walker in walkers:
        walker.join()

    assert notified() == sids(*made)
    assert db.session.scalar(select(func.count()).select_from(Logout)) == 30


def test_one_broken_row_keeps_no_app_behind_it_from_being_notified(ada, red, green):
    first, second = make_session(ada, [red]), make_session(ada, [green])
    with transaction():
        red.registered = []

    ended = walk(begin(bulk.end_everybody))

    assert notified() == sids(second)
    assert ended.finished_at
    db.session.refresh(first.session)
    assert first.session.ended_at is None
    assert find_live(first.handle) is None


@pytest.mark.parametrize("loss", LOSSES)
def test_a_database_that_is_away_for_a_moment_leaves_no_row_behind(ada, red, loss):
    made = make_session(ada, [red])
    begun = begin(bulk.end_everybody)

    with database_lost_once(loss, at="UPDATE session"), pytest.raises(AWAY):
        bulk_walk.carry_on()
    walk(begun)

    assert notified() == sids(made)


@pytest.mark.processes
def test_killed_with_9_in_the_middle_it_is_carried_on_and_no_app_is_notified_twice(
    app, settings, ada, red, green, warm_programs, tmp_path
):
    made = [make_session(ada, [red, green]) for _ in range(30)]
    begun = begin(bulk.end_everybody)

    def some_are_done() -> int:
        db.session.rollback()
        return find(begun.id).done

    # Left, it is killed with 9.
    with walking(warm_programs, settings, pace=20, log=tmp_path / "log"):
        wait_until(some_are_done)
    assert 0 < some_are_done() < 30
    db.session.rollback()

    ended = walk(begun)

    assert notified() == sids(*made)
    assert ended.done == 30
    assert db.session.scalar(select(func.count()).where(Session.ended_at.is_(None))) == 0
