"""A walk ends as many rows at once as its pace allows, and passes none that it has not ended."""

from collections import deque
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from provider.infrastructure.database import db, transaction
from provider.infrastructure.opaque_tokens import new_id
from provider.logout.bulk import begin as bulk
from provider.logout.bulk import walk
from provider.logout.bulk.queries import find
from provider.logout.models import BulkLogout
from provider.sessions.models import Session
from tests.factories import make_session
from tests.support.reads import end_read

pytestmark = pytest.mark.usefixtures("turned_clock")


def begin(pace: int) -> BulkLogout:
    with transaction():
        begun = bulk.end_everybody("admin")
        begun.pace = pace
    return begun


def ended() -> int:
    end_read()
    count = db.session.scalar(select(func.count()).where(Session.ended_at.is_not(None))) or 0
    end_read()
    return count


@pytest.mark.parametrize(("per_second", "at_once"), [(100, 2), (49, 1)])
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
