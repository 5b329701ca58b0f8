"""One place decides how an error looks: JSON for programs, a redirect to the proven app, or a page."""

import io
import json
import logging
import re
from urllib.parse import parse_qs, urlsplit

import pytest
from psycopg import errors as errors_of_driver
from sqlalchemy.exc import InternalError

from provider.infrastructure.event_log import JSONLines
from provider.protocol import errors
from tests.support.losing_database import LOSSES, locked_for_good
from tests.web.conftest import add_failing_addresses

pytestmark = pytest.mark.usefixtures("failing")

EVERY_ERROR = sorted(
    name
    for name, member in vars(errors).items()
    if isinstance(member, type) and issubclass(member, errors.ProtocolError)
)


@pytest.fixture
def written():
    """Capture the lines that are written into the log meanwhile."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JSONLines())
    logger = logging.getLogger("curfew")
    logger.addHandler(handler)
    yield written
    logger.removeHandler(handler)


@pytest.mark.parametrize("name", EVERY_ERROR)
@pytest.mark.spec("core 12, rfc6749 §5.2")
def test_a_program_gets_json_with_the_code_and_a_harmless_description(http, name):
    response = http.get(f"/api/fail/{name}")

    kind = getattr(errors, name)
    assert response.status_code == kind.status_code
    assert response.json["error"] == kind.error
    assert not re.search(r'["\\\r\n]', response.json["error_description"])


@pytest.mark.parametrize("name", EVERY_ERROR)
def test_a_person_gets_a_page_with_a_stable_heading_and_a_reference(http, name):
    page = http.get(f"/fail/{name}")

    assert page.status_code == getattr(errors, name).status_code
    assert page.mimetype == "text/html"
    assert page.text.count('id="error-heading"') == 1
    assert f'id="error-reference">{page.headers["X-Request-Id"]}<' in page.text
    assert "<b>" not in page.text
    assert "for the log" not in page.text


@pytest.mark.spec("rfc6749 §4.1.2.1")
@pytest.mark.parametrize("name", EVERY_ERROR)
def test_only_an_error_that_is_not_about_client_or_address_is_redirected(http, name):
    response = http.get(f"/fail-at-app/{name}")

    kind = getattr(errors, name)
    if not kind.redirectable:
        assert "Location" not in response.headers
        assert response.status_code == kind.status_code
        return
    assert response.status_code == 303
    assert response.headers["Location"].startswith("https://red.test/callback?kept=1&")
    said = parse_qs(urlsplit(response.headers["Location"]).query)
    assert said["error"] == [kind.error]
    assert said["state"] == ["a state & more"]
    assert said["iss"] == ["http://localhost:8900"]


def test_what_one_request_proved_is_nothing_for_the_next(http):
    http.get("/fail-at-app/InvalidScope")

    assert http.get("/fail/InvalidScope").status_code == 400


@pytest.mark.spec("rfc6750 §3")
@pytest.mark.parametrize(
    ("name", "challenge"),
    [
        pytest.param("MissingToken", 'Bearer realm="curfew"', id="no token: no error code"),
        pytest.param("InvalidToken", 'Bearer realm="curfew", error="invalid_token"', id="a dead token"),
        pytest.param(
            "InsufficientScope", 'Bearer realm="curfew", error="insufficient_scope"', id="too little"
        ),
        pytest.param("InvalidClient", 'Basic realm="curfew"', id="a client that did not prove itself"),
    ],
)
def test_a_refusal_carries_its_challenge(http, name, challenge):
    response = http.get(f"/api/fail/{name}")

    assert response.headers["WWW-Authenticate"].startswith(challenge)
    assert ("error=" in response.headers["WWW-Authenticate"]) == ("error=" in challenge)


@pytest.mark.parametrize("name", ["TemporarilyUnavailable", "TooManyRequests"])
def test_a_caller_that_is_sent_away_learns_when_to_come_back(http, name):
    assert int(http.get(f"/fail/{name}").headers["Retry-After"]) > 0


@pytest.mark.parametrize("loss", LOSSES)
def test_a_lost_database_is_a_calm_503_without_details(separate_app, loss):
    lost = LOSSES[loss]()

    @separate_app.get("/lose")
    def lose():
        raise lost

    page = separate_app.test_client().get("/lose")

    assert page.status_code == 503
    assert "Retry-After" in page.headers
    assert "SELECT" not in page.text
    assert "connection refused" not in page.text


def test_a_locked_database_is_a_lost_one(failing, http):
    with locked_for_good():
        page = http.get("/write")

    assert page.status_code == 503
    assert "Retry-After" in page.headers
    assert http.get("/write").text == "written"


def test_a_statement_that_is_wrong_is_no_lost_database(separate_app):
    separate_app.config["PROPAGATE_EXCEPTIONS"] = False

    @separate_app.get("/ask-wrongly")
    def ask_wrongly():
        raise InternalError("SELECT secret", {}, errors_of_driver.InFailedSqlTransaction())

    page = separate_app.test_client().get("/ask-wrongly")

    assert page.status_code == 500
    assert "SELECT" not in page.text


def test_an_unforeseen_failure_is_a_page_without_details(separate_app):
    separate_app.config["PROPAGATE_EXCEPTIONS"] = False
    add_failing_addresses(separate_app)

    page = separate_app.test_client().get("/break")

    assert page.status_code == 500
    assert "division" not in page.text
    assert 'id="error-heading"' in page.text
    assert page.headers["Content-Security-Policy"]


def test_an_oversized_body_is_refused_as_413(http, settings):
    response = http.post("/read", data={"a": "x" * (settings.max_body_bytes + 1)})

    assert response.status_code == 413


@pytest.mark.parametrize(
    ("path", "mimetype"),
    [
        pytest.param("/nowhere", "text/html", id="a person"),
        pytest.param("/api/nowhere", "application/json", id="a program"),
    ],
)
def test_an_unknown_address_is_a_404_in_the_right_form(http, path, mimetype):
    response = http.get(path)

    assert (response.status_code, response.mimetype) == (404, mimetype)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "OPTIONS"])
def test_an_unsupported_method_is_refused_with_the_supported_ones(http, method):
    response = http.open("/sign-in", method=method)

    assert response.status_code == 405
    assert "GET" in response.headers["Allow"]


@pytest.mark.parametrize("path", ["/session/end", "/authorize", "/sign-in/handle", "/consent/handle"])
def test_head_never_runs_what_may_change_something(http, path):
    response = http.head(path)

    assert response.status_code == 405
    assert "Set-Cookie" not in response.headers


@pytest.mark.parametrize("path", ["//session/end", "/sign-in//x", "/token/"])
def test_no_address_is_corrected_by_a_redirect_that_posts_again(http, path):
    assert http.post(path, data={"password": "secret"}).status_code in (404, 405)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        pytest.param("GET", "/no/such/page", id="no such page"),
        pytest.param("DELETE", "/token", id="a method that is not offered"),
        pytest.param("GET", "/sign-in/expired", id="a page that has expired"),
    ],
)
def test_the_reference_of_every_error_is_in_the_log(http, written, method, path):
    response = http.open(path, method=method, headers={"Accept": "text/html"})

    said = [json.loads(line) for line in written.getvalue().splitlines()]
    assert response.headers["X-Request-Id"] in {line.get("correlation_id") for line in said}
