"""Indexes are built, and rows filled in, while a table is in use; what an interruption left is made good."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations
from psycopg import errors
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from provider.infrastructure import online_change
from tests.support.databases import another_database
from tests.support.waiting import PATIENCE, wait_until

ROWS = 12
STATE = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('ix_thing_name')"


@pytest.fixture
def things(engine: Engine) -> Engine:
    """A table with a few rows."""
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE thing (id INTEGER PRIMARY KEY, name TEXT, kind TEXT)"))
        for number in range(ROWS):
            connection.execute(sa.text("INSERT INTO thing VALUES (:id, :name, NULL)"), _row(number))
    return engine


@pytest.fixture
def on_postgresql(postgres_url: str) -> Iterator[Engine]:
    """The same table, on PostgreSQL alone."""
    engine = sa.create_engine(another_database(postgres_url, "online"))
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE thing (id INTEGER PRIMARY KEY, name TEXT, kind TEXT)"))
        connection.execute(sa.text("INSERT INTO thing SELECT n, 'thing ' || n FROM generate_series(1, 12) n"))
    yield engine
    engine.dispose()


def _row(number: int) -> dict[str, object]:
    return {"id": number, "name": f"thing {number}"}


@contextmanager
def a_migration(engine: Engine) -> Iterator[sa.Connection]:
    """Run what follows as a migration is run; hands over its connection."""
    with engine.connect() as connection:
        options = {"transaction_per_migration": True}
        context = MigrationContext.configure(connection, opts=options)
        with context.begin_transaction(_per_migration=True), Operations.context(context):
            yield connection


def index_names(engine: Engine) -> list[str]:
    return [index["name"] for index in sa.inspect(engine).get_indexes("thing")]


def is_valid(engine: Engine) -> bool | None:
    with engine.connect() as connection:
        return connection.scalar(sa.text(STATE))


@contextmanager
def a_writer(engine: Engine, of: int = 1) -> Iterator[None]:
    """A transaction that has written to a row and is still open."""
    with engine.connect() as connection:
        connection.execute(sa.text("UPDATE thing SET kind = 'written' WHERE id = :id"), {"id": of})
        yield
        connection.rollback()


def leave_invalid_index(engine: Engine) -> None:
    """Begin to build the index, and cancel that as an operator's Ctrl-C would."""
    url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with a_writer(engine), psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET statement_timeout = '300ms'")
        with pytest.raises(errors.QueryCanceled):
            connection.execute("CREATE INDEX CONCURRENTLY ix_thing_name ON thing (name)")
    assert is_valid(engine) is False


def test_an_index_is_built_and_dropped_again(things):
    with a_migration(things):
        online_change.create_index("ix_thing_name", "thing", ["name"], where=sa.text("kind IS NULL"))
    assert index_names(things) == ["ix_thing_name"]

    with a_migration(things):
        online_change.drop_index("ix_thing_name", "thing")
    assert index_names(things) == []


def test_an_invalid_index_of_a_cancelled_build_is_built_again(on_postgresql):
    leave_invalid_index(on_postgresql)

    with a_migration(on_postgresql):
        online_change.create_index("ix_thing_name", "thing", ["name"])

    assert is_valid(on_postgresql) is True


def test_an_index_that_is_there_already_is_kept(on_postgresql):
    """The run before was interrupted between the index and the number of its revision."""
    with a_migration(on_postgresql):
        online_change.create_index("ix_thing_name", "thing", ["name"])
    with on_postgresql.connect() as connection:
        before = connection.scalar(sa.text("SELECT 'ix_thing_name'::regclass::oid"))

    with a_migration(on_postgresql):
        online_change.create_index("ix_thing_name", "thing", ["name"])

    with on_postgresql.connect() as connection:
        assert connection.scalar(sa.text("SELECT 'ix_thing_name'::regclass::oid")) == before


def test_a_build_waits_for_writers_longer_than_a_migration_waits_for_locks(on_postgresql):
    building = _in_thread(lambda: _build_with_short_limits(on_postgresql))
    with a_writer(on_postgresql):
        building.start()
        wait_until(lambda: is_valid(on_postgresql) is False)
        # More than both limits, and writers go on.
        building.join(0.5)
        assert building.is_alive()
        with on_postgresql.begin() as connection:
            connection.execute(sa.text("UPDATE thing SET kind = 'other' WHERE id = 2"))
    building.join(PATIENCE)

    assert is_valid(on_postgresql) is True


def _build_with_short_limits(engine: Engine) -> None:
    with a_migration(engine) as connection:
        connection.execute(sa.text("SET lock_timeout = '100ms'; SET statement_timeout = '100ms'"))
        online_change.create_index("ix_thing_name", "thing", ["name"])
        assert connection.scalar(sa.text("SHOW lock_timeout")) == "100ms"
        assert connection.scalar(sa.text("SHOW statement_timeout")) == "100ms"


def test_rows_are_filled_in_by_batches_until_none_is_left(things):
    with a_migration(things):
        online_change.fill_in("thing", "kind = 'plain'", where="kind IS NULL", batch=5)

    with things.connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM thing WHERE kind = 'plain'")) == ROWS


def test_batches_that_are_done_stay_done_when_a_later_one_has_to_wait(on_postgresql):
    with a_writer(on_postgresql, of=ROWS), pytest.raises(OperationalError):
        _fill_in_impatiently(on_postgresql)

    with on_postgresql.connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM thing WHERE kind = 'plain'")) == 10


def _fill_in_impatiently(engine: Engine) -> None:
    with a_migration(engine) as connection:
        connection.execute(sa.text("SET lock_timeout = '100ms'"))
        online_change.fill_in("thing", "kind = 'plain'", where="kind IS NULL", batch=5)


def _in_thread(act: Callable[[], None]) -> threading.Thread:
    return threading.Thread(target=act, daemon=True)
