"""The number of waits for the database, which cost time beside the statements themselves."""

import psycopg
import pytest
from sqlalchemy import text

from provider.infrastructure.database import db, reading, transaction
from tests.support.round_trips import fewest_round_trips
from tests.support.waiting import wait_until

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


def read() -> None:
    with reading():
        db.session.execute(text("SELECT 1"))


def write() -> None:
    with transaction():
        db.session.execute(text("SELECT 1"))


def read_and_write() -> None:
    db.session.execute(text("SELECT 1"))
    write()


@pytest.mark.parametrize(
    ("act", "count"),
    [
        pytest.param(read, 1, id="a read stands alone"),
        pytest.param(write, 3, id="a transaction begins and is committed"),
        pytest.param(read_and_write, 4, id="a read before a transaction is no part of it"),
    ],
)
def test_the_database_is_waited_for_as_often_as_it_is_asked(app, act, count):
    assert fewest_round_trips(act) == count


@pytest.fixture
def connection(app):
    """The connection that the next read uses."""
    read()
    used = db.session.connection().connection.driver_connection
    db.session.commit()
    return used


def test_a_connection_is_tested_when_it_was_idle(connection):
    def read_after_a_pause() -> None:
        connection.used_at -= 60
        read()

    assert fewest_round_trips(read_after_a_pause, connection) == 2


def test_a_connection_that_the_server_has_closed_is_replaced_before_it_is_used(connection, database_url):
    where = database_url.replace("postgresql+psycopg", "postgresql")
    with psycopg.connect(where, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [connection.info.backend_pid])
    wait_until(lambda: not connection.is_trusted())

    read()

    assert connection.closed
