"""Every response carries the headers of SEC-303, errors and redirects included."""

from dataclasses import replace

import pytest

from provider.web import headers
from tests.support.applications import application

EVERYWHERE = [
    pytest.param("/", id="a page"),
    pytest.param("/nowhere", id="an error page"),
    pytest.param("/api/fail/InvalidRequest", id="an error for programs"),
    pytest.param("/fail-at-app/AccessDenied", id="a redirect"),
    pytest.param("/static/curfew.css", id="a file"),
    pytest.param("/lose-database", id="a failure"),
]


@pytest.mark.usefixtures("failing")
@pytest.mark.parametrize("path", EVERYWHERE)
def test_every_response_is_guarded(http, path):
    with http.get(path) as response:
        pass

    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "base-uri 'none'" in policy
    assert "unsafe" not in policy
    assert "script-src" not in policy
    assert response.headers["X-Frame-Options"] == "DENY"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert response.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "Access-Control-Allow-Origin" not in response.headers
    assert response.headers["X-Request-Id"]


@pytest.mark.usefixtures("failing")
@pytest.mark.parametrize("path", EVERYWHERE[:4])
def test_nothing_about_a_person_is_cached(http, path):
    response = http.get(path)

    assert response.headers["Cache-Control"] == "no-store"
    assert "Cookie" in response.headers["Vary"]


def test_a_file_is_cached_for_ever_under_the_address_of_its_content(http):
    address = http.get("/").text.partition('rel="stylesheet" href="')[2].partition('"')[0]

    with http.get(address) as fixed, http.get("/static/curfew.css") as changing:
        assert "immutable" in fixed.headers["Cache-Control"]
        assert "immutable" not in changing.headers["Cache-Control"]


def test_https_is_demanded_for_a_year_once_people_come_by_it(settings):
    app = application(replace(settings, issuer="https://id.test"))

    assert "max-age=31536000" in app.test_client().get("/").headers["Strict-Transport-Security"]


def test_plain_http_for_localhost_makes_no_promise(http):
    assert "Strict-Transport-Security" not in http.get("/").headers


@pytest.mark.parametrize(
    ("uri", "source"),
    [
        pytest.param("https://red.test/callback?x=1", "https:", id="an app may go on to a host of its own"),
        pytest.param("http://localhost:8901/cb", "http:", id="also on the developer's machine"),
        pytest.param("com.example.app:/cb", "com.example.app:", id="an app's own scheme"),
        pytest.param("https;script-src *://x", "", id="nothing is smuggled into the policy"),
        pytest.param("//red.test", "", id="no scheme"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_a_form_may_lead_to_the_app_alone(app, uri, source):
    with app.test_request_context():
        headers.allow_form_action(uri)
        response = app.process_response(app.make_response(""))
        policy = dict(response.added)["Content-Security-Policy"]

    allowed = policy.partition("form-action ")[2].partition(";")[0].split()
    assert allowed == ["'self'", *([source] if source else [])]


def test_a_page_without_frames_keeps_the_policy(app):
    with app.test_request_context():
        strict = dict(app.process_response(app.make_response("")).added)
        headers.allow_frames([])
        framed = dict(app.process_response(app.make_response("")).added)

    assert framed["Content-Security-Policy"] == strict["Content-Security-Policy"]
