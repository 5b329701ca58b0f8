"""Gathered changes and rows: as a whole or not at all, and after the locks that they wait for."""

from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from sqlalchemy import String, Uuid, bindparam, func, select, text, update

from provider.audit.models import AuditEvent
from provider.audit.record import record
from provider.audit.tags import EventTag
from provider.infrastructure import clock
from provider.infrastructure.database import (
    change,
    connection,
    db,
    is_sqlite,
    transaction,
    write_gathered,
)
from provider.infrastructure.one_row import change_at_commit, change_by
from provider.infrastructure.read_only_rows import find_one
from provider.sessions.models import ClientSession, Session
from tests.factories import make_session
from tests.races.at_once import ON_POSTGRESQL
from tests.support.round_trips import fewest_round_trips
from tests.support.waiting import PATIENCE, wait_until

_WAITING = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
# So many entries are sent table by table.
MANY = 20


class Late(Exception):
    """A row had ended before it was changed."""


def live(model, column, name):
    """An update of a column of a live row; its parameters have names of their own."""
    table = model.__table__
    is_it = table.c.id == bindparam(f"{name}_id", type_=Uuid())
    return (
        update(table)
        .where(is_it, table.c.ended_at.is_(None))
        .values({column: bindparam(name, type_=String())})
    )


_SESSION, _CLIENT_SESSION = live(Session, "device", "device"), live(ClientSession, "sid", "sid")


_READ = select(Session.id).where(Session.id == bindparam("session_id", type_=Uuid()))


@pytest.fixture
def ids(ada, red):
    """The identifiers of a session and of the client session in it."""
    made = make_session(ada, [red])
    return SimpleNamespace(session=made.session.id, client_session=made.client_sessions["red"].id)


def gather(ids, *, may_stay: bool = True, entries: int = 2) -> None:
    """Change the session, then its client session, and record it."""
    change_at_commit(
        _SESSION, otherwise=Late("session"), may_stay=may_stay, device="new", device_id=ids.session
    )
    change_at_commit(_CLIENT_SESSION, otherwise=Late("client session"), sid="new", sid_id=ids.client_session)
    for _ in range(entries):
        record(EventTag.SESSION_RENEWED, actor="account", session_id=ids.session)


def written(ids) -> tuple[bool, bool, int]:
    """Whether the session and the client session were changed, and the number of entries."""
    device = db.session.scalar(select(Session.device).where(Session.id == ids.session))
    sid = db.session.scalar(select(ClientSession.sid).where(ClientSession.id == ids.client_session))
    renewed = AuditEvent.tag == EventTag.SESSION_RENEWED.value
    entries = db.session.scalar(select(func.count()).select_from(AuditEvent).where(renewed))
    return device == "new", sid == "new", entries


def end(model, row_id) -> None:
    db.session.execute(update(model).where(model.id == row_id).values(ended_at=clock.now()))


@pytest.mark.parametrize("entries", [0, 1, 2, MANY])
@pytest.mark.parametrize("may_stay", [True, False])
def test_all_of_it_is_written(ids, entries, may_stay):
    with transaction():
        gather(ids, may_stay=may_stay, entries=entries)

    assert written(ids) == (True, True, entries)


@pytest.mark.parametrize("entries", [2, MANY])
def test_nothing_follows_from_a_change_that_was_too_late(ids, entries):
    with transaction():
        end(Session, ids.session)

    with pytest.raises(Late, match="session"), transaction():
        gather(ids, entries=entries)

    assert written(ids) == (False, False, 0)


def test_what_may_not_stay_is_rolled_back_with_what_was_too_late(ids):
    with transaction():
        end(ClientSession, ids.client_session)

    with pytest.raises(Late, match="client session"), transaction():
        gather(ids, may_stay=False)

    assert written(ids) == (False, False, 0)


def fail(ids) -> None:
    with transaction():
        gather(ids)
        raise ZeroDivisionError


def fail_late(ids) -> None:
    with transaction():
        gather(ids)
        write_gathered()
        assert written(ids) == (True, True, 2)
        raise ZeroDivisionError


@pytest.mark.parametrize("use_case", [fail, fail_late])
def test_an_error_in_the_use_case_writes_nothing(ids, use_case):
    with pytest.raises(ZeroDivisionError):
        use_case(ids)

    with transaction():
        record(EventTag.SESSION_RENEWED, actor="account", session_id=ids.session)
    assert written(ids) == (False, False, 1)


def end_and_gather(ids) -> None:
    with transaction():
        end(ClientSession, ids.client_session)
        gather(ids)


def test_it_is_part_of_a_transaction_that_has_begun(ids):
    with pytest.raises(Late, match="client session"):
        end_and_gather(ids)

    assert written(ids) == (False, False, 0)
    assert (
        db.session.scalar(select(ClientSession.ended_at).where(ClientSession.id == ids.client_session))
        is None
    )


def test_nothing_is_gathered_outside_of_a_transaction(app):
    with pytest.raises(RuntimeError, match="open transaction"):
        record(EventTag.SESSION_RENEWED, actor="system")


@ON_POSTGRESQL
def test_a_use_case_that_only_gathers_waits_for_the_database_once(ids):
    def alone() -> None:
        with transaction():
            gather(ids)

    def after_a_look() -> None:
        with transaction():
            connection().execute(text("SELECT 1"))
            gather(ids)

    assert fewest_round_trips(alone) == 1

    def after_a_read() -> None:
        with transaction():
            find_one(_READ, {"session_id": ids.session})
            gather(ids)

    # BEGIN, the look, all of it, COMMIT.
    assert fewest_round_trips(after_a_look) == 4
    # BEGIN with the read, and all of it with COMMIT.
    assert fewest_round_trips(after_a_read) == 2


def gather_after_a_read(ids) -> None:
    with transaction():
        find_one(_READ, {"session_id": ids.session})
        gather(ids)


def gather_after_a_change(ids) -> None:
    with transaction():
        assert change_by(_SESSION, device="new", device_id=ids.session) == 1
        gather(ids)


@pytest.mark.parametrize("use_case", [gather_after_a_read, gather_after_a_change])
def test_it_is_written_after_other_statements_or_nothing_is(ids, use_case):
    use_case(ids)
    assert written(ids) == (True, True, 2)
    with transaction():
        end(ClientSession, ids.client_session)
        change(update(Session).values(device=""))

    with pytest.raises(Late, match="client session"):
        use_case(ids)

    # After a read alone it is committed with the change that may stay, and after another one rolled back.
    assert written(ids) == (use_case is gather_after_a_read and not is_sqlite(), True, 2)


@ON_POSTGRESQL
@pytest.mark.parametrize(("model", "late"), [(Session, "session"), (ClientSession, "client session")])
def test_a_change_sees_what_it_has_waited_for(app, ids, model, late):
    """RACE-06: its statement began before the other transaction was over, and looks at the row again."""

    def gathering() -> None:
        with app.app_context(), transaction():
            gather(ids)

    def is_waiting() -> bool:
        with db.engine.connect() as other:
            return other.scalar(_WAITING) == 1

    with ThreadPoolExecutor(1) as pool:
        with transaction():
            end(model, ids.session if model is Session else ids.client_session)
            future = pool.submit(gathering)
            wait_until(is_waiting)
        with pytest.raises(Late, match=late):
            future.result(timeout=PATIENCE)

    # The session may stay changed: what was too late came after it.
    assert written(ids)[1:] == (False, 0)
