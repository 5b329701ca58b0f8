"""Threads of the application: no job spoils the next, and too few threads are no reason to lose one."""

import queue
import threading
from collections.abc import Iterator

import pytest
from flask import Flask, current_app
from sqlalchemy import text

from provider.infrastructure.database import db
from provider.infrastructure.thread_pool import ApplicationThreads, forget_session
from tests.support.threads import refuse_threads
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def said() -> "queue.SimpleQueue[object]":
    """A queue of the words that jobs have said."""
    return queue.SimpleQueue()


@pytest.fixture
def pool(app: Flask) -> Iterator[ApplicationThreads]:
    """A pool of one thread."""
    pool = ApplicationThreads(1, "test")
    yield pool
    pool.close()


def test_a_job_works_inside_the_application(app: Flask, pool: ApplicationThreads, said) -> None:
    pool.submit(lambda: said.put(current_app.name))

    assert said.get(timeout=PATIENCE) == app.name


def test_a_job_that_fails_is_logged_and_the_next_one_runs(pool: ApplicationThreads, said, caplog) -> None:
    pool.submit(lambda: {}["missing"])
    pool.submit(said.put, "next")

    assert said.get(timeout=PATIENCE) == "next"
    assert "job_failed" in caplog.text


def test_each_job_has_a_database_session_of_its_own(pool: ApplicationThreads, said) -> None:
    def open_transaction() -> None:
        db.session.execute(text("SELECT 1"))
        said.put(db.session())

    pool.submit(open_transaction)
    pool.submit(lambda: said.put((db.session(), db.session().in_transaction())))

    first = said.get(timeout=PATIENCE)
    second, is_open = said.get(timeout=PATIENCE)
    assert (second is first, is_open) == (False, False)


def test_a_session_that_cannot_be_ended_is_replaced(app: Flask, caplog) -> None:
    broken = db.session()
    broken.close = lambda: 1 / 0

    forget_session()

    assert db.session() is not broken
    assert "session_not_ended" in caplog.text


def test_what_is_submitted_before_the_closing_is_done(app: Flask, said) -> None:
    pool = ApplicationThreads(2, "test")
    for number in range(50):
        pool.submit(said.put, number)
    pool.close()

    assert sorted(said.get_nowait() for _ in range(50)) == list(range(50))


def test_a_system_without_threads_is_reported_and_asked_again(
    pool: ApplicationThreads, said, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        refuse_threads(patched, "test")
        with pytest.raises(RuntimeError):
            pool.submit(said.put, "refused")

    pool.submit(said.put, "taken")

    assert said.get(timeout=PATIENCE) == "taken"
    assert said.empty()


def test_the_threads_that_there_are_do_what_others_would(
    app: Flask, said, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool, may_end = ApplicationThreads(2, "test"), threading.Event()
    pool.submit(may_end.wait, PATIENCE)
    refuse_threads(monkeypatch, "test")
    pool.submit(said.put, "later")
    may_end.set()

    assert said.get(timeout=PATIENCE) == "later"
    pool.close()
