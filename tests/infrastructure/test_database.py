"""The door to the database: what it says while the database is away."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC

import pytest
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError

from provider.accounts.models import Account
from provider.config import Settings
from provider.infrastructure.database import (
    Outdated,
    after_commit,
    connection,
    connection_released,
    db,
    in_transaction,
    reading,
    transaction,
)
from provider.infrastructure.database_errors import is_unreachable
from provider.infrastructure.engine import engine_options
from tests.support.losing_database import locked_for_good

Block = Callable[[], AbstractContextManager[None]]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_locked_database_fails_as_every_database_that_is_away(app: Flask) -> None:
    with locked_for_good(), pytest.raises(OperationalError, match="locked") as failed, transaction():
        pass

    assert is_unreachable(failed.value)
    assert db.engine.pool.checkedout() == 0
    with transaction():
        assert db.session.scalar(text("SELECT 1")) == 1


def test_the_outermost_block_of_reads_gives_the_connection_back(app: Flask) -> None:
    with reading():
        with reading():
            db.session.scalar(text("SELECT 1"))
        assert db.session().in_transaction()
    assert not db.session().in_transaction()


def test_reads_inside_of_a_transaction_leave_it_open(app: Flask) -> None:
    with transaction():
        with reading():
            db.session.scalar(text("SELECT 1"))
        assert db.session().in_transaction()


def test_a_transaction_has_a_session_only_for_what_asks_for_one(app: Flask) -> None:
    db.session.remove()
    with transaction():
        assert connection().scalar(text("SELECT 1")) == 1
        assert not db.session.registry.has()
        # It joins the transaction that is open.
        assert db.session.connection() is connection()
    assert not db.session().in_transaction()


def test_a_session_ends_with_the_transaction_that_it_has_joined(ada: Account) -> None:
    def rename(then: Callable[[], object]) -> None:
        with transaction():
            db.session.get_one(Account, ada.id).username = "ben"
            db.session.flush()
            then()

    with pytest.raises(ZeroDivisionError):
        rename(lambda: 1 / 0)
    assert _name_of(ada) != "ben"

    rename(lambda: None)
    assert _name_of(ada) == "ben"


def _name_of(account: Account) -> str | None:
    return db.session.scalar(select(Account.username).where(Account.id == account.id))


def test_what_is_outdated_at_its_commit_is_done_again(app: Flask) -> None:
    tries = iter((Outdated(), None))
    done: list[int] = []

    def act() -> str:
        after_commit(lambda: done.append(1))
        if outdated := next(tries):
            raise outdated
        return "done"

    assert in_transaction(act) == "done"
    assert done == [1]


def test_what_is_always_outdated_is_given_up(app: Flask) -> None:
    def act() -> None:
        raise Outdated

    with pytest.raises(Outdated):
        in_transaction(act)


def test_no_connection_is_held_while_something_else_is_waited_for(app: Flask) -> None:
    db.session.scalar(text("SELECT 1"))
    with connection_released():
        assert not db.session().in_transaction()


@pytest.mark.parametrize("block", [reading, transaction], ids=["reads", "a transaction"])
@pytest.mark.parametrize("inner", [connection_released, transaction], ids=["a wait", "a transaction"])
def test_what_would_end_the_block_around_it_is_refused(app: Flask, block: Block, inner: Block) -> None:
    with block(), pytest.raises(RuntimeError), inner():
        pass


def test_a_failed_block_of_reads_is_over(app: Flask) -> None:
    with pytest.raises(LookupError), reading():
        raise LookupError
    with transaction():
        assert db.session.scalar(text("SELECT 1")) == 1


PATIENCE = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10000,
}
POSTGRES = "postgresql+psycopg://curfew@db.test/curfew"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        pytest.param(POSTGRES, PATIENCE, id="as we think fit"),
        pytest.param(
            f"{POSTGRES}?connect_timeout=20&keepalives_count=9&sslmode=require",
            {name: PATIENCE[name] for name in ("keepalives_idle", "keepalives_interval", "tcp_user_timeout")},
            id="but as the operator says where he says so",
        ),
        pytest.param(
            f"{POSTGRES}?host=one.test:5432&host=two.test:5432&target_session_attrs=read-write",
            PATIENCE | {"connect_timeout": 2},
            id="of two hosts a dead one leaves time for the other",
        ),
        pytest.param(
            "sqlite:///a.sqlite3", {"timeout": 5, "check_same_thread": False}, id="a file does not vanish"
        ),
    ],
)
def test_a_host_that_vanishes_is_not_waited_for_two_hours(url: str, expected: dict[str, object]) -> None:
    assert engine_options(Settings(database_url=url))["connect_args"] == expected


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_postgresql_is_connected_to_with_limits_to_our_patience(app: Flask) -> None:
    driver = db.session.connection().connection.driver_connection
    assert driver is not None

    said = driver.info.get_parameters()

    assert {name: said.get(name) for name in PATIENCE} == {
        name: str(value) for name, value in PATIENCE.items()
    }


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_postgresql_says_instants_in_utc_whatever_its_own_zone(app: Flask) -> None:
    assert db.session.scalar(text("SHOW TimeZone")) == "UTC"
    assert db.session.scalar(text("SELECT now()")).tzinfo is UTC
