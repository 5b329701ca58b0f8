"""A database that is cut off within a request: the response, or a 503; and a line in the log."""

import io
import json
import logging
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from provider.app import create_app
from provider.config import Settings
from provider.infrastructure.database import after_commit, db, transaction
from provider.infrastructure.event_log import JSONLines
from provider.protocol.errors import InvalidGrant

pytestmark = pytest.mark.lengthy


@pytest.fixture
def database_url(postgres_url: str) -> str:
    """A file cannot be cut off."""
    return postgres_url


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    """A provider outside of whose requests no context is open, so that each ends with its request."""
    app = create_app(settings)
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def logged() -> Iterator[Callable[[], list[dict[str, object]]]]:
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JSONLines())
    logging.getLogger("curfew").addHandler(handler)
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    logging.getLogger("curfew").removeHandler(handler)


@pytest.fixture
def cut(database_url: str) -> Iterator[Callable[[], None]]:
    """Cuts the connection that the request at work uses, as a lost server would."""
    other = create_engine(database_url, isolation_level="AUTOCOMMIT")

    def cut_off() -> None:
        backend = db.session.scalar(text("SELECT pg_backend_pid()"))
        with other.connect() as connection:
            # With a time in milliseconds it returns when the backend is gone.
            assert connection.scalar(text("SELECT pg_terminate_backend(:pid, 10000)"), {"pid": backend})

    yield cut_off
    other.dispose()


def test_the_response_that_was_made_is_given(app, cut):
    @app.get("/made")
    def made() -> str:
        cut()
        return "made"

    response = app.test_client().get("/made")

    assert (response.status_code, response.text) == (200, "made")


def test_a_lost_connection_takes_no_place_in_the_pool(app, cut, settings):
    @app.get("/made")
    def made() -> str:
        cut()
        return "made"

    http = app.test_client()

    responses = {http.get("/made").status_code for _ in range(settings.database_pool_size + 2)}

    assert responses == {200}


def test_an_error_that_was_made_is_given(app, cut, logged):
    @app.get("/api/refused")
    def refused() -> str:
        with transaction():
            cut()
            raise InvalidGrant("the code is not valid")

    response = app.test_client().get("/api/refused")

    assert (response.status_code, response.json["error"]) == (400, "invalid_grant")
    assert "database_lost_at_rollback" in {line["event"] for line in logged()}


def test_what_was_not_committed_is_a_503(app, cut, logged):
    @app.get("/api/lost")
    def lost() -> str:
        with transaction():
            cut()
        return "made"

    response = app.test_client().get("/api/lost")

    assert (response.status_code, response.json["error"]) == (503, "temporarily_unavailable")
    assert response.headers["Retry-After"]
    assert "database_unreachable" in {line["event"] for line in logged()}


def test_what_is_committed_is_answered_whatever_fails_after_it(app, logged):
    done = []

    def fail() -> None:
        raise RuntimeError("the broker's client is broken")

    @app.get("/committed")
    def committed() -> str:
        with transaction():
            after_commit(fail)
            after_commit(lambda: done.append("the next"))
        return "committed"

    response = app.test_client().get("/committed")

    assert (response.status_code, response.text) == (200, "committed")
    assert done == ["the next"]
    assert "after_commit_failed" in {line["event"] for line in logged()}


@pytest.mark.parametrize(
    ("path", "mimetype"),
    [
        pytest.param("/api/anything", "application/json", id="a program"),
        pytest.param("/anything", "text/html", id="a person"),
    ],
)
@pytest.mark.parametrize(
    ("failure", "status"),
    [
        pytest.param(OperationalError("", {}, ConnectionError("connection lost")), 503, id="lost"),
        pytest.param(RuntimeError("something else"), 500, id="broken"),
    ],
)
def test_whatever_fails_in_the_teardown_is_answered_and_logged(app, logged, path, mimetype, failure, status):
    failures = [failure]

    @app.teardown_request
    def fail_once(_exc: BaseException | None) -> None:
        if failures:
            raise failures.pop()

    response = app.test_client().get(path)

    assert (response.status_code, response.mimetype) == (status, mimetype)
    assert response.headers["X-Request-Id"]
    assert ("Retry-After" in response.headers) == (status == 503)
    failed = next(line for line in logged() if line["event"] == "request_failed")
    assert failed["correlation_id"] == response.headers["X-Request-Id"]


def test_even_an_error_that_cannot_be_shown_is_answered(app, logged):
    @app.teardown_request
    def fail(_exc: BaseException | None) -> None:
        raise RuntimeError("always")

    response = app.test_client().get("/anything")

    assert response.status_code == 500
    assert "request_failed" in {line["event"] for line in logged()}
