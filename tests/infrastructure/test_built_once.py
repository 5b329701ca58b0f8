"""Statements that run on the driver's own connection behave as SQLAlchemy's do."""

from contextlib import closing
from datetime import UTC, datetime

import psycopg
import pytest
from sqlalchemy import bindparam, create_engine, func, literal, null, select, text, update
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session

from provider.accounts.models import Account
from provider.clients.models import Client
from provider.infrastructure import built_once
from provider.infrastructure.connection_pool import Alone
from provider.infrastructure.database import NOW, db, transaction
from tests.support.losing_database import locked_for_good

_COLUMNS = (Client.id, Client.registered, Client.grant_lifetime, Client.created_at, literal("50 %"))
_NAMED = select(*_COLUMNS).where(Client.client_id == bindparam("client_id"), Client.created_at <= NOW)
_WRONG = select(func.no_such_function(bindparam("client_id")))
_NAME = Client.__table__.update().values(recipe=bindparam("name")).where(Client.client_id == "red")
_OF_RED = Client.client_id == "red"
_EXCHANGED = Client.__table__.c.may_exchange_tokens_of
_MAY_EXCHANGE = (
    update(Client.__table__).where(_OF_RED).values({_EXCHANGED: bindparam("value", type_=_EXCHANGED.type)})
)
_EXCHANGES = select(_EXCHANGED, _EXCHANGED.is_(null())).where(_OF_RED)
_LATE = datetime(2999, 1, 1, tzinfo=UTC)


def _read(statement=_NAMED, **values):
    return built_once.fetch(db.session.connection(), statement, values)


def test_values_are_read_and_bound_as_by_sqlalchemy(red):
    values = {"client_id": "red", "now": _LATE}
    assert _read(**values) == [list(row) for row in db.session.execute(_NAMED, values)] != []


@pytest.mark.parametrize("value", [["blue"], [], [{"ä": None}], None], ids=str)
def test_json_is_written_as_by_sqlalchemy(red, value):
    with transaction():
        built_once.change(db.session.connection(), _MAY_EXCHANGE, {"value": value})
    assert db.session.execute(_EXCHANGES).one() == (value, value is None)
    with transaction():
        db.session.execute(_MAY_EXCHANGE, {"value": value})
    assert db.session.execute(_EXCHANGES).one() == (value, value is None)


def test_a_missing_value_is_an_error(red):
    with pytest.raises(KeyError, match="now"):
        _read(client_id="red")


def test_a_statement_whose_text_depends_on_its_values_is_refused(app):
    with pytest.raises(TypeError, match="depends on its values"):
        _read(select(Account.id).where(Account.username.in_(["ada", "ben"])))


@pytest.mark.spec("LIB-24")
def test_an_error_is_sqlalchemys_and_hides_the_values(app):
    with pytest.raises(DBAPIError, match="no_such_function") as failed:
        _read(_WRONG, client_id="a secret")
    assert "a secret" not in str(failed.value)


@pytest.mark.spec("LIB-24")
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_lost_connection_is_dropped(app, red, database_url):
    with Session(db.engine) as session:
        connection = session.connection()
        process = connection.scalar(text("SELECT pg_backend_pid()"))
        with psycopg.connect(database_url.replace("+psycopg", ""), autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s)", [process])

        with pytest.raises(OperationalError) as failed:
            built_once.fetch(connection, _NAMED, {"client_id": "red", "now": _LATE})

        assert (failed.value.connection_invalidated, connection.invalidated) == (True, True)


@pytest.mark.spec("LIB-24")
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_connection_that_is_lost_by_a_statement_alone_is_dropped(app, red, database_url):
    values = {"client_id": "red", "now": _LATE}
    alone = Alone(db.engine)
    [[process]] = built_once.fetch(alone, select(func.pg_backend_pid()), {})
    with psycopg.connect(database_url.replace("+psycopg", ""), autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [process])

    with pytest.raises(OperationalError) as failed:
        built_once.fetch(alone, _NAMED, values)

    assert failed.value.connection_invalidated
    alone.close()
    with closing(Alone(db.engine)) as another:
        assert built_once.fetch(another, _NAMED, values)


@pytest.mark.spec("LIB-24")
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_an_error_of_connecting_is_sqlalchemys(app):
    engine = create_engine(db.engine.url.set(port=1))
    with pytest.raises(OperationalError):
        Alone(engine)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_locked_database_is_an_operational_error(app, red):
    with locked_for_good(), pytest.raises(OperationalError, match="locked"):
        built_once.change(db.session.connection(), _NAME, {"name": "flask"})


def test_an_update_returns_rows_that_are_read_as_by_sqlalchemy(app, red):
    returning = _NAME.returning(Client.id, Client.registered, Client.created_at)
    with transaction():
        [row] = built_once.fetch(db.session.connection(), returning, {"name": "flask"})
    assert row == [red.id, red.registered, red.created_at]


def test_an_update_that_was_run_may_be_made_into_one_that_returns_rows(app, red):
    with transaction():
        assert built_once.change(db.session.connection(), _NAME, {"name": "flask"}) == 1
    assert [column.name for column in _NAME.returning(Client.recipe).exported_columns] == ["recipe"]


def test_a_change_says_how_many_rows_it_met(app, red, statements):
    with statements() as seen, transaction():
        assert built_once.change(db.session.connection(), _NAME, {"name": "flask"}) == 1
    assert [one.split()[0] for one in seen] == ["UPDATE"]
    assert db.session.scalar(select(Client.recipe)) == "flask"
