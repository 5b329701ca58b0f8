"""The Flask extension by itself: its receiver, and what it does without its store or the provider."""

from collections.abc import Iterator

import pytest
import requests
from cachelib import FileSystemCache
from flask import Flask
from flask_session import Session

from curfew_rp.flask import CurfewRP
from curfew_rp.receiver import BODY_SIZE_LIMIT
from curfew_rp.stores.redis import RedisStore
from tests.kit.conftest import FORM, form
from tests.kit.other_provider import CLIENT_ID
from tests.support.fake_provider import FakeProvider, FakeProviderServer
from tests.support.waiting import PATIENCE


def make_app(provider, store="memory:"):
    app = Flask("shop")
    app.secret_key = "a secret of the app's own"
    app.config["MAX_CONTENT_LENGTH"] = 1024
    curfew = CurfewRP(app, issuer=provider.issuer, client_id=CLIENT_ID, store=store)

    @app.route("/", methods=["GET", "POST"])
    @curfew.sign_in_required
    def home():
        return f"Hello {curfew.user.name}"

    return app.test_client()


def test_the_apps_own_limits_are_not_the_receivers(provider):
    http = make_app(provider)

    response = http.post("/backchannel-logout", data=b"x" * (BODY_SIZE_LIMIT + 1), content_type=FORM)
    assert (response.status_code, response.json["error_description"][:14]) == (400, "body_too_large")
    token = form(provider.logout_token(more="x" * 1500))
    assert http.post("/backchannel-logout", data=token, content_type=FORM).status_code == 200


def test_people_are_sent_to_sign_in_and_programs_are_not(provider):
    http = make_app(provider)

    assert http.get("/?page=2").headers["Location"] == "/login?next=/?page%3D2"
    assert http.post("/").status_code == 401


def test_a_sign_in_without_the_provider_is_503(provider):
    http = make_app(provider)
    provider.is_down = True

    assert [http.get(path).status_code for path in ("/login", "/callback?code=1&state=2")] == [503, 503]


@pytest.mark.parametrize(
    "query", ["", "?code=1&state=2", "?error=access_denied", "?iss=https://evil.example"]
)
def test_a_response_that_was_not_asked_for_is_refused(provider, query):
    response = make_app(provider).get(f"/callback{query}")

    assert response.status_code == 400
    assert "Signing in did not work" in response.text


def test_another_site_does_not_sign_people_out(provider):
    response = make_app(provider).get("/logout", headers={"Sec-Fetch-Site": "cross-site"})

    assert response.status_code == 200
    assert '<form method="post" action="/logout">' in response.text


def test_people_without_a_session_do_not_wait_for_the_store(provider, tmp_path):
    store = RedisStore.from_url(f"unix://{tmp_path / 'nothing'}")

    assert make_app(provider, store).get("/").status_code == 302

    store.close()


@pytest.fixture
def signing_in() -> Iterator[FakeProvider]:
    """A provider that signs Ada in without asking."""
    server = FakeProviderServer()
    yield server.provider
    server.stop()


def test_a_session_at_the_server_gets_a_new_id_by_the_sign_in(signing_in, tmp_path):
    """A person who planted the old session in the browser is not signed in with it."""
    app = Flask("shop")
    app.config.update(SESSION_TYPE="cachelib", SESSION_CACHELIB=FileSystemCache(tmp_path))
    Session(app)
    curfew = CurfewRP(
        app, issuer=signing_in.issuer, client_id="red", client_secret="red-secret", store="memory:"
    )
    app.add_url_rule("/", view_func=lambda: curfew.user.name if curfew.user else "nobody")
    ada, thief = app.test_client(), app.test_client()
    there = ada.get("/login").headers["Location"]
    planted = ada.get_cookie("session").value
    thief.set_cookie("session", planted)

    ada.get(
        requests.get(there, allow_redirects=False, timeout=PATIENCE)
        .headers["Location"]
        .removeprefix("http://localhost")
    )

    assert ada.get_cookie("session").value != planted
    assert ada.get("/").text == "Ada Lovelace"
    assert thief.get("/").text == "nobody"
