"""A walk ends as many rows at once as its pace allows, and passes none that it has not ended."""

import time
from collections import deque
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from provider.infrastructure.database import db, transaction
from provider.infrastructure.database_errors import AWAY
from provider.infrastructure.opaque_tokens import new_id
from provider.logout.bulk import begin as bulk
from provider.logout.bulk import walk
from provider.logout.bulk.queries import find
from provider.logout.models import BulkLogout, BulkPhase
from provider.sessions.models import Session
from tests.factories import make_session
from tests.support.losing_database import LOSSES, database_lost_once
from tests.support.reads import end_read

pytestmark = pytest.mark.usefixtures("turned_clock")


A_MINUTE = timedelta(minutes=1)


def begin(pace: int, act=bulk.end_everybody, *arguments) -> BulkLogout:
    with transaction():
        begun = act(*arguments, "admin")
        begun.pace = pace
    return begun


def ended() -> int:
    end_read()
    count = db.session.scalar(select(func.count()).where(Session.ended_at.is_not(None))) or 0
    end_read()
    return count


@pytest.mark.parametrize(("per_second", "at_once"), [(20, 2), (19, 1)])
def test_so_many_end_at_once_and_use_up_the_pace(ada, red, turned_clock, per_second, at_once):
    rows = sorted(make_session(ada, [red]).session.id for _ in range(3))
    begun = begin(per_second)
    waiting = deque(rows)

    assert walk._end_next(begun, waiting, walk._Pace(begun)) is True

    end_read()
    row = find(begun.id)
    assert (row.done, ended(), list(waiting)) == (at_once, at_once, rows[at_once:])
    assert row.cursor == rows[at_once - 1]
    assert row.paced_until == turned_clock() + timedelta(seconds=at_once / per_second)


def test_the_pace_counts_from_when_rows_began_to_end(app, turned_clock):
    pace, began = walk._Pace(begin(10)), turned_clock()
    turned_clock.turn(timedelta(seconds=0.3))
    assert pace.after(4) == began + timedelta(seconds=0.4)


def test_time_that_was_not_used_is_no_reason_to_hurry_later(app, turned_clock):
    pace = walk._Pace(begin(10))
    pace.after(1)
    turned_clock.turn(timedelta(seconds=5))
    pace.wait(time.monotonic() + 600)
    assert pace.after(2) == turned_clock() + timedelta(seconds=0.2)


def test_a_walk_that_was_stopped_meanwhile_ends_and_passes_none(ada, red, turned_clock):
    rows = sorted(make_session(ada, [red]).session.id for _ in range(2))
    begun = begin(100)
    with transaction():
        as_seen_before = find(begun.id)
        db.session.expunge(as_seen_before)
    with transaction():
        find(begun.id).stopped_at = turned_clock()

    pace = walk._Pace(as_seen_before)
    assert walk._end_many(as_seen_before, rows, pace) == (0, False)
    assert walk._end_row(as_seen_before, rows[0], pace) is False
    assert walk._pass_broken(as_seen_before, rows[0], pace) is False

    end_read()
    assert (ended(), find(begun.id).cursor) == (0, None)


def test_rows_that_are_not_to_be_had_are_not_passed(ada):
    begun = begin(100)

    assert walk._end_many(begun, [new_id()], walk._Pace(begun)) == (0, True)

    end_read()
    assert find(begun.id).cursor is None


def test_a_batch_with_a_broken_row_is_logged_with_the_kind_of_error(ada, red, caplog):
    rows = sorted(make_session(ada, [red]).session.id for _ in range(2))
    with transaction():
        red.registered = []
    begun = begin(100)

    assert walk._end_many(begun, rows, walk._Pace(begun)) == (0, True)

    [line] = [one for one in caplog.records if one.message == "mass_ending_batch_failed"]
    assert line.levelname == "WARNING"
    assert line.fields == {"kind": "AttributeError", "mass_ending_id": begun.id}
    assert ended() == 0


def test_apps_and_grants_end_at_once_too(ada, red):
    made = [make_session(ada, [red], offline=("red",)) for _ in range(2)]
    client_sessions = sorted(one.client_sessions["red"].id for one in made)
    grants = sorted(one.grants["red"].id for one in made)
    of_sessions, of_offline = begin(100, bulk.end_of_client, red), begin(100, bulk.end_offline_of_client, red)

    # The grants that outlived their client sessions are left to the second phase.
    assert walk._end_many(of_sessions, client_sessions, walk._Pace(of_sessions)) == (2, True)
    assert of_offline.phase == BulkPhase.GRANTS
    assert walk._end_many(of_offline, grants, walk._Pace(of_offline)) == (2, True)


def test_one_row_alone_ends_without_a_batch(ada, red, caplog):
    row = make_session(ada, [red]).session.id
    with transaction():
        red.registered = []
    begun = begin(100)

    assert walk._end_next(begun, deque([row]), walk._Pace(begun)) is True

    about_rows = [one.message for one in caplog.records if one.message.startswith("mass_ending_")]
    assert about_rows == ["mass_ending_row_failed"]


def test_a_row_that_has_ended_meanwhile_uses_up_no_pace(ada, red):
    made = make_session(ada, [red])
    begun = begin(1)
    with transaction():
        made.session.ended_at = made.session.created_at

    assert walk._end_row(begun, made.session.id, walk._Pace(begun)) is True

    end_read()
    row = find(begun.id)
    assert (row.cursor, row.done, row.paced_until) == (made.session.id, 0, None)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_batch_that_the_database_cut_off_is_left_to_the_next_walk(ada, red, loss):
    rows = sorted(make_session(ada, [red]).session.id for _ in range(2))
    begun = begin(100)

    with database_lost_once(loss, at="UPDATE session"), pytest.raises(AWAY):
        walk._end_many(begun, rows, walk._Pace(begun))

    assert (ended(), find(begun.id).cursor) == (0, None)


@pytest.mark.parametrize("per_second", [19, 20], ids=["one at a time", "two at a time"])
def test_all_rows_of_a_look_end_before_the_next_one(ada, red, per_second):
    for _ in range(3):
        make_session(ada, [red])
    begun = begin(per_second)

    walk._walk_batch(begun, time.monotonic() + 600)

    assert (ended(), find(begun.id).phase) == (3, BulkPhase.SESSIONS)


def test_only_the_bulk_logout_that_is_walked_goes_on(red):
    first, second = begin(100), begin(100)
    cursor = new_id()
    with transaction():
        first.cursor = second.cursor = cursor

    walk._go_to_next_phase(first)

    db.session.expire_all()
    # Each phase begins with its first row.
    assert (find(first.id).phase, find(first.id).cursor) == (BulkPhase.GRANTS, None)
    assert (find(second.id).phase, find(second.id).cursor) == (BulkPhase.SESSIONS, cursor)


@pytest.mark.usefixtures("app")
class TestWaiting:
    def test_lasts_until_the_pace_allows_another_row(self, turned_clock):
        begun = begin(100)
        begun.paced_until = turned_clock() + timedelta(seconds=0.1)
        started = time.monotonic()

        walk._Pace(begun).wait(started + 600)

        assert time.monotonic() - started >= 0.1

    @pytest.mark.parametrize("behind", [None, -A_MINUTE], ids=["none so far", "used up long ago"])
    def test_is_none_while_the_pace_has_room(self, turned_clock, behind):
        begun = begin(100)
        begun.paced_until = behind and turned_clock() + behind
        pace, started = walk._Pace(begun), time.monotonic()

        for _ in range(20):
            pace.wait(started + 600)

        assert time.monotonic() - started < 15

    def test_ends_with_the_walk(self, turned_clock):
        begun = begin(100)
        begun.paced_until = turned_clock() + timedelta(hours=1)
        started = time.monotonic()

        walk._Pace(begun).wait(started)

        assert time.monotonic() - started < 600

    def test_is_no_reason_to_end_rows_after_the_walk(self, ada, red):
        make_session(ada, [red])
        begun = begin(100)

        walk._walk_batch(begun, time.monotonic())

        assert ended() == 0
