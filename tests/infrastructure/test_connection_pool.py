"""The pool lends what works, to as many as it may, and lets the others wait."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg
import pytest
from sqlalchemy import Engine, create_engine, func, literal, select
from sqlalchemy.exc import TimeoutError as NoneGiven

from provider.infrastructure import built_once
from provider.infrastructure.connection_pool import Alone, ConnectionPool
from provider.infrastructure.database import db
from tests.support.waiting import PATIENCE, wait_until

_ONE = select(literal(1))
_PROCESS = select(func.pg_backend_pid())


@pytest.fixture
def engine(tmp_path) -> Iterator[Engine]:
    """An engine with at most two connections; a third is waited for only briefly."""
    url = f"sqlite:///{tmp_path / 'pool.sqlite3'}"
    made = create_engine(url, poolclass=ConnectionPool, pool_size=2, max_overflow=0, pool_timeout=0.05)
    yield made
    made.dispose()


def _ask(engine: Engine, statement=_ONE) -> object:
    with closing(Alone(engine)) as alone:
        return built_once.fetch(alone, statement, {})[0][0]


def test_the_one_that_was_used_last_is_lent_first(engine):
    first, second = engine.raw_connection(), engine.raw_connection()
    used = second.dbapi_connection
    first.close()
    second.close()
    with closing(Alone(engine)) as alone:
        assert alone.driver is used


def test_an_idle_one_is_lent_without_what_sqlalchemy_puts_around_it(app):
    _ask(db.engine)
    lent = db.engine.pool.borrow()
    assert lent is not None
    db.engine.pool.give_back(lent)


def test_no_more_are_lent_than_there_may_be(engine):
    with closing(Alone(engine)), closing(engine.raw_connection()), pytest.raises(NoneGiven):
        Alone(engine)
    assert engine.pool.checkedout() == 0


def test_who_waits_gets_the_one_that_is_given_back(engine):
    engine.pool._timeout = PATIENCE
    held = [Alone(engine), Alone(engine)]
    with ThreadPoolExecutor(1) as waiting:
        answer = waiting.submit(_ask, engine)
        wait_until(lambda: engine.pool._pool._waiting == 1)
        for alone in held:
            alone.close()
        assert answer.result(PATIENCE) == 1


def test_many_threads_share_few(engine):
    engine.pool._timeout = PATIENCE
    busy, most, lock = 0, 0, threading.Lock()

    def ask(_number: int) -> object:
        nonlocal busy, most
        with closing(Alone(engine)) as alone:
            with lock:
                busy += 1
                most = max(most, busy)
            found = built_once.fetch(alone, _ONE, {})
            with lock:
                busy -= 1
        return found

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(ask, range(400))) == [[[1]]] * 400
    assert (most <= 2, engine.pool.checkedout()) == (True, 0)


def test_one_that_was_lent_before_all_were_disposed_of_goes_back_where_it_came_from(engine):
    alone = Alone(engine)
    before = engine.pool
    engine.dispose()
    alone.close()
    assert (before.checkedin(), engine.pool.checkedin()) == (1, 0)
    before.dispose()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_one_that_was_lost_while_idle_is_not_lent(app, database_url):
    lost = _ask(db.engine, _PROCESS)
    with psycopg.connect(database_url.replace("+psycopg", ""), autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 60000)", [lost])
    assert _ask(db.engine, _PROCESS) != lost
    assert db.engine.pool.checkedout() == 0
