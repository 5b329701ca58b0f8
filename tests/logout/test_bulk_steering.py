"""A bulk logout can be stopped, resumed and re-paced while a worker walks; what is dead stays dead."""

import threading
import time
from uuid import uuid4

import pytest
from sqlalchemy import func, select, text

from provider.audit.models import AuditEvent
from provider.infrastructure.database import db, is_sqlite, transaction
from provider.logout.bulk import begin as bulk
from provider.logout.bulk import walk as bulk_walk
from provider.logout.bulk.queries import find
from provider.logout.models import Logout
from provider.sessions.models import Session
from provider.sessions.queries import find_live
from tests.factories import make_account, make_client, make_session
from tests.support.command import run_curfew
from tests.support.reads import end_read
from tests.support.waiting import wait_until
from tests.support.walker import walking

ROWS = 24


@pytest.fixture
def made(app):
    ada, red = make_account("ada"), make_client("red")
    return [make_session(ada, [red]) for _ in range(ROWS)]


def begin():
    with transaction():
        return bulk.end_everybody("admin")


def done(begun) -> int:
    end_read()
    count = find(begun.id).done
    end_read()
    return count


def ended() -> int:
    end_read()
    count = db.session.scalar(select(func.count()).where(Session.ended_at.is_not(None))) or 0
    end_read()
    return count


def walk() -> None:
    while bulk_walk.carry_on() is not None:
        pass


def test_while_it_is_stopped_no_row_is_ended_and_nothing_lives(made):
    begun = begin()
    run_curfew("--as", "cleo", "logout", "bulk", "stop", begun.id)

    walk()

    assert ended() == 0
    assert all(find_live(one.handle) is None for one in made)
    run_curfew("logout", "bulk", "resume", begun.id)
    walk()
    assert (ended(), find(begun.id).done) == (ROWS, ROWS)
    tags = select(AuditEvent.tag, AuditEvent.actor_name).where(AuditEvent.tag.startswith("mass_ending_"))
    assert [row.tag for row in db.session.execute(tags.order_by(AuditEvent.id))] == [
        "mass_ending_stopped",
        "mass_ending_resumed",
    ]
    assert "cleo" in {row.actor_name for row in db.session.execute(tags)}


def test_a_row_that_is_being_ended_while_it_is_stopped_is_rolled_back(app, made):
    if is_sqlite():
        pytest.skip("SQLite has one writer at a time")
    begun = begin()
    end_read()

    def work() -> None:
        with app.app_context():
            walk()
            db.session.remove()

    walker = threading.Thread(target=work)
    with db.engine.connect() as other, other.begin():
        other.execute(select(Session.id).where(Session.id == made[0].session.id).with_for_update())
        walker.start()
        wait_until(is_a_walker_waiting)
        run_curfew("logout", "bulk", "stop", begun.id)
    walker.join()

    assert (ended(), done(begun)) == (0, 0)
    assert db.session.scalar(select(func.count()).select_from(Logout)) == 0


def is_a_walker_waiting() -> int:
    """Ask in a transaction of its own: within one PostgreSQL repeats its first response."""
    end_read()
    waiting = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    count = db.session.scalar(waiting)
    end_read()
    return count or 0


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (("stop", None), "there is no bulk logout"),
        (("resume", "begun"), "is not stopped"),
        (("stop", "finished"), "has finished"),
        (("pace", "finished", "5"), "has finished"),
    ],
    ids=["unknown", "not stopped", "stop of a finished one", "pace of a finished one"],
)
def test_what_cannot_be_steered_is_said_in_one_line(made, act, said):
    begun = begin()
    if act[1] == "finished":
        walk()
    named = str(begun.id) if act[1] else str(uuid4())

    with pytest.raises(AssertionError, match=said):
        run_curfew("logout", "bulk", act[0], named, *act[2:])


@pytest.mark.processes
def test_a_worker_that_walks_is_stopped_resumed_and_made_faster(app, settings, made, warm_programs, tmp_path):
    begun = begin()
    with walking(warm_programs, settings, pace=4, log=tmp_path / "log"):
        wait_until(lambda: done(begun) >= 2)
        run_curfew("logout", "bulk", "stop", begun.id)
        at_stop = ended()
        assert 2 <= at_stop < ROWS
        # Long enough for several rows at this pace: there is no condition to wait for when nothing happens.
        time.sleep(1.5)
        assert (ended(), done(begun)) == (at_stop, at_stop)
        assert not any(find_live(one.handle) for one in made)

        run_curfew("logout", "bulk", "pace", begun.id, 1000)
        started = time.monotonic()
        run_curfew("logout", "bulk", "resume", begun.id)
        wait_until(lambda: find(begun.id).finished_at or end_read())

    assert ended() == ROWS
    assert db.session.scalar(select(func.count()).select_from(Logout)) == ROWS
    # At the old pace the rest alone would have taken longer.
    assert find(begun.id).pace == 1000
    assert time.monotonic() - started < 60
