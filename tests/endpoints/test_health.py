"""Liveness asks no other service; readiness proves that the database takes writes."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import event, select, text

from provider.infrastructure.database import db, transaction
from provider.infrastructure.provider_state import ProviderState
from provider.infrastructure.write_probe import WriteProbe
from tests.support.losing_database import LOSSES, database_lost_once
from tests.support.reads import end_read
from tests.support.relying_party import RelyingParty
from tests.support.waiting import wait_until


@pytest.fixture
def http(app):
    return RelyingParty(app).http


def test_a_process_that_runs_is_alive_without_asking_the_database(http, statements):
    with statements() as seen:
        response = http.get("/health/live")

    assert response.json == {"status": "ok"}
    assert seen == []


def test_readiness_commits_a_write(http):
    response = http.get("/health/ready")

    assert response.json == {
        "status": "ok",
        "checks": {
            "database": {"status": "ok"},
            "write": {"status": "ok"},
            "clock": response.json["checks"]["clock"],
            "history": {"status": "ok"},
        },
    }
    assert response.json["checks"]["clock"] == {"status": "ok", "offset_seconds": 0}
    assert db.session.scalar(select(WriteProbe.written_at)) is not None


def test_readiness_leaves_nothing_locked(http):
    http.get("/health/ready")

    with transaction():
        db.session.execute(text("UPDATE write_probe SET id = 1"))


@pytest.mark.parametrize("loss", LOSSES)
def test_without_writes_it_is_not_ready(http, loss):
    with database_lost_once(loss, at="INSERT INTO write_probe"):
        response = http.get("/health/ready")

    assert response.status_code == 503
    assert response.json["status"] == "unavailable"
    assert response.json["checks"]["database"] == {"status": "ok"}
    assert response.json["checks"]["write"]["status"] == "failed"
    assert response.json["error_description"] == response.json["checks"]["write"]["detail"]
    assert response.headers["Retry-After"]
    assert "SELECT" not in response.text


def test_a_read_only_database_is_called_so(http):
    with database_lost_once("read-only after a failover", at="INSERT INTO write_probe"):
        response = http.get("/health/ready")

    assert response.json["error_description"] == "the database is read-only"


def test_a_database_that_was_not_set_up_is_not_ready(http):
    with transaction():
        db.session.execute(ProviderState.__table__.delete())
    try:
        response = http.get("/health/ready")
    finally:
        with transaction():
            db.session.add(ProviderState(epoch=0))

    assert response.status_code == 503
    assert response.json["checks"] == {
        "database": {"status": "failed", "detail": "the database has not been set up"}
    }


def test_many_probes_are_one_round(app, http):
    writes = []

    def note(_connection, _cursor, statement, *_rest) -> None:
        writes.extend(["write"] if statement.startswith("INSERT INTO write_probe") else [])

    engine = db.engine
    end_read()
    event.listen(engine, "before_cursor_execute", note)
    try:
        with ThreadPoolExecutor(8) as probes:
            responses = list(probes.map(lambda _: app.test_client().get("/health/ready"), range(24)))
    finally:
        event.remove(engine, "before_cursor_execute", note)

    assert {response.status_code for response in responses} == {200}
    # All of them within a second, or a few more on a busy machine.
    assert 1 <= len(writes) < 8


def test_a_process_has_started_once_it_has_been_ready(http, statements):
    with database_lost_once("unreachable", at="INSERT INTO write_probe"):
        before = http.get("/health/started")
    wait_until(lambda: http.get("/health/started").status_code == 200)

    with statements() as seen:
        again = http.get("/health/started")

    assert before.status_code == 503
    assert before.headers["Retry-After"]
    assert again.json == {"status": "ok"}
    # A database that is away later restarts nothing.
    assert seen == []
