"""Statements that share a round trip, or wait for the next one, do what each of them does alone."""

from datetime import UTC, datetime

import psycopg
import pytest
from sqlalchemy import bindparam, func, insert, literal, select, text
from sqlalchemy.exc import DataError, IntegrityError, InternalError, OperationalError
from sqlalchemy.orm import Session

from provider.clients.models import Client
from provider.infrastructure import built_once
from provider.infrastructure.database import connection, db, transaction
from provider.tokens.models import UsedProof
from tests.support.round_trips import fewest_round_trips

_PROOFS = UsedProof.__table__
_ADD = insert(_PROOFS)
_COUNT = select(func.count()).select_from(_PROOFS)
_NAMED = select(Client.client_id).where(Client.client_id == bindparam("client_id"))
_SAID = select(bindparam("said", type_=Client.client_id.type))
_REST = select(literal(1) % bindparam("by", type_=Client.epoch.type))


def _add_later(digest: str) -> None:
    built_once.change_later(connection(), _ADD, _proof(digest))


def _add(*digests: str) -> None:
    with transaction():
        for digest in digests:
            _add_later(digest)


def _add_later_and_fail(digest: str) -> None:
    with transaction():
        _add_later(digest)
        raise ZeroDivisionError


def _proof(digest: str) -> dict[str, object]:
    return {"digest": digest, "expires_at": datetime(2999, 1, 1, tzinfo=UTC)}


def _count() -> int | None:
    return db.session.scalar(_COUNT)


def test_statements_that_are_asked_together_each_get_their_own_rows(app, red):
    found = built_once.fetch_together(
        db.session.connection(), (_NAMED, {"client_id": "red"}), (_SAID, {"said": "blue"})
    )
    assert found == [[["red"]], [["blue"]]]


def test_what_is_to_be_changed_later_is_found_by_the_next_statement(app):
    with transaction():
        _add_later("a")
        assert built_once.fetch(connection(), _COUNT, {}) == [[1]]
        _add_later("b")
        assert _count() == 2


def test_what_is_to_be_changed_later_is_changed_by_the_commit(app):
    with transaction():
        _add_later("a")
        _add_later("b")
    assert _count() == 2


def test_what_is_to_be_changed_later_is_not_changed_after_an_error(app):
    with pytest.raises(ZeroDivisionError):
        _add_later_and_fail("a")
    with transaction():
        _add_later("b")
    assert _count() == 1


def test_outside_of_a_transaction_it_is_changed_at_once(app):
    built_once.change_later(db.session.connection(), _ADD, _proof("a"))
    db.session.rollback()
    assert _count() == 1


def test_a_change_that_fails_at_the_commit_takes_all_with_it(app):
    _add("a")
    for _ in range(2):
        with pytest.raises(IntegrityError):
            _add("b", "a")
    assert _count() == 1


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_changes_share_the_round_trip_of_the_commit(app):
    numbers = iter(range(100))

    def add() -> None:
        with transaction():
            for _ in range(3):
                _add_later(str(next(numbers)))

    assert fewest_round_trips(add) == 1


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("by", [(0, 1), (1, 0)])
def test_of_statements_together_the_error_of_one_is_raised_and_the_connection_stays(app, by):
    asked = [(_REST, {"by": one}) for one in by]
    with Session(db.engine) as session:
        for _ in range(3):
            with pytest.raises(DataError, match="division by zero"):
                built_once.fetch_together(session.connection(), *asked)
            session.rollback()
            assert built_once.fetch(session.connection(), _REST, {"by": 1}) == [[0]]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_after_a_failed_statement_the_transaction_takes_no_other(app):
    with Session(db.engine) as session:
        for _ in range(2):
            built_once.change_later(session.connection(), _ADD, _proof("a"))
        with pytest.raises(IntegrityError):
            built_once.fetch(session.connection(), _COUNT, {})
        with pytest.raises(InternalError, match="current transaction is aborted"):
            built_once.fetch(session.connection(), _COUNT, {})
    assert _count() == 0


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_statement_is_prepared_anew_once_the_server_has_forgotten_it(app):
    asked = (_NAMED, {"client_id": "red"}), (_SAID, {"said": "blue"})
    with Session(db.engine) as session:
        for _ in range(3):
            assert built_once.fetch_together(session.connection(), *asked) == [[], [["blue"]]]
            # Then the driver has the server forget all of them.
            session.rollback()
        driver = session.connection().connection.dbapi_connection
        assert driver.execute("SELECT count(*) FROM pg_prepared_statements").fetchone() == (0,)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_connection_that_was_lost_before_the_commit_is_dropped(app, database_url):
    with Session(db.engine) as session:
        used = session.connection()
        built_once.fetch(used, _COUNT, {})
        process = used.scalar(text("SELECT pg_backend_pid()"))
        built_once.change_later(used, _ADD, _proof("a"))
        with psycopg.connect(database_url.replace("+psycopg", ""), autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s)", [process])

        with pytest.raises(OperationalError) as failed:
            session.commit()

        assert (failed.value.connection_invalidated, used.invalidated) == (True, True)
    assert _count() == 0
