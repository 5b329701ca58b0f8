"""The testing tools against a real `curfew dev`: apps that sign people out, and apps that break rules."""

import re
import secrets
from datetime import timedelta

import jwt
import pytest
import requests
from authlib.integrations.flask_client import OAuth
from flask import Flask, redirect, request, session

from curfew_rp.flask import CurfewRP
from curfew_rp.testing import (
    App,
    RefusedByProvider,
    assert_logs_out,
    serve,
)
from tests.support.waiting import PATIENCE

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("curfew dev of the kit")]


def app_at(server, provider, client, *, restart=None):
    return App(
        provider=provider,
        client=client,
        backchannel_logout_uri=f"{server.url}/backchannel-logout",
        login_url=f"{server.url}/login",
        page_url=f"{server.url}/",
        restart=restart,
    )


def kit_app(provider, client, store):
    """The kit's own app; its cookies outlive a restart."""

    def make(_url):
        app = Flask(__name__)
        app.secret_key = "the same after each restart"
        rp = CurfewRP(
            app,
            issuer=provider.issuer,
            client_id=client.client_id,
            client_secret=client.client_secret,
            store=store,
        )

        @app.get("/")
        @rp.sign_in_required
        def page():
            return "hello"

        return app

    return make


class Careless:
    """An app with a receiver of its own, which validates and remembers as little as a test says."""

    def __init__(self, provider, client):
        self.provider, self.client = provider, client
        self.live = set()
        self.options = {"verify_aud": True}
        self.ends = True

    def __call__(self, _url):
        app = Flask(__name__)
        app.secret_key = "secret"
        oauth = OAuth(app).register(
            "op",
            client_id=self.client.client_id,
            client_secret=self.client.client_secret,
            server_metadata_url=f"{self.provider.issuer}/.well-known/openid-configuration",
            client_kwargs={"scope": "openid"},
        )

        @app.get("/login")
        def login():
            return oauth.authorize_redirect(f"{request.host_url}callback")

        @app.get("/callback")
        def callback():
            session["sid"] = oauth.authorize_access_token()["userinfo"]["sid"]
            self.live.add(session["sid"])
            return redirect("/")

        @app.get("/")
        def page():
            return ("hello", 200) if session.get("sid") in self.live else ("", 401)

        app.add_url_rule("/backchannel-logout", "receive", self.receive, methods=["POST"])
        return app

    def receive(self):
        try:
            claims = jwt.decode(
                request.form["logout_token"],
                jwt.PyJWKSet.from_dict(self.provider.jwks())[
                    jwt.get_unverified_header(request.form["logout_token"])["kid"]
                ],
                algorithms=["RS256"],
                audience=self.client.client_id,
                issuer=self.provider.issuer,
                options=self.options,
            )
        except (jwt.InvalidTokenError, KeyError):
            return "", 400
        if self.ends:
            self.live.discard(claims.get("sid"))
        return "", 200


@pytest.fixture
def client(provider):
    return provider.add_client()


@pytest.fixture
def careless(provider, client):
    return Careless(provider, client)


def broken(app, provider, client):
    with pytest.raises(AssertionError) as failed, serve(app) as server:
        assert_logs_out(app_at(server, provider, client))
    return str(failed.value)


@pytest.mark.spec("backchannel §2.7")
def test_the_kits_app_signs_people_out_also_after_a_restart(provider, client, tmp_path):
    with serve(kit_app(provider, client, f"sqlite:///{tmp_path / 'app.sqlite3'}")) as server:
        assert_logs_out(app_at(server, provider, client, restart=server.restart), strict=True)


def test_an_app_that_forgets_at_a_restart_is_found(provider, client):
    with serve(kit_app(provider, client, "memory:")) as server:
        assert_logs_out(app_at(server, provider, client), strict=True)
        with pytest.raises(AssertionError) as failed:
            assert_logs_out(app_at(server, provider, client, restart=server.restart))

    assert "restart: ended sessions (Back-Channel Logout 1.0 §2.7)" in str(failed.value)


def test_an_app_that_validates_and_remembers_too_little_is_found(careless, provider, client):
    careless.options = {"verify_aud": False}

    said = broken(careless, provider, client)

    assert re.findall(r"^(\S.*?) \(", said, re.MULTILINE) == [
        *("wrong aud", "nonce", "no events", "wrong event", "neither sub nor sid", "too early"),
    ]
    assert (
        "wrong aud (Back-Channel Logout 1.0 §2.6 (4)): accepted, though it is for another app\n"
        "    sent:     a token that must be refused: it is for another app\n"
        "    expected: 400\n"
        "    came:     answered 200" in said
    )


def test_an_app_that_answers_and_ends_nothing_is_found(careless, provider, client):
    careless.ends = False

    said = broken(careless, provider, client)

    assert "sign-out (Back-Channel Logout 1.0 §2.7): the token was accepted, but the session goes on" in said


def test_an_app_that_the_provider_cannot_reach_is_found(careless, provider, client):
    with serve(careless) as server, provider.faults("off", client, times=None):
        app = app_at(server, provider, client)
        with pytest.raises(AssertionError, match=r"sign-out at the provider .*: the session goes on 0\.5 s"):
            assert_logs_out(app, notified_within=timedelta(seconds=0.5))


def test_an_app_that_does_not_let_people_sign_in_is_said(careless, provider, client):
    with serve(careless) as server:
        app = app_at(server, provider, client)
        careless.client = provider.add_client(redirect_uris=["http://localhost/elsewhere"])
        server.restart()
        with pytest.raises(AssertionError, match=r"the sign-in stopped at http://localhost:\d+/authorize"):
            assert_logs_out(app)


def test_another_app_fails_on_demand(provider, stub_app):
    client = provider.add_client(backchannel_logout_uri=stub_app.backchannel_logout_uri)
    person = provider.add_person(name="Dora")
    browser = requests.Session()
    provider.sign_in(browser, person)
    sign_in_at(browser, provider, client, stub_app)
    stub_app.fail(503)

    assert provider.end_everywhere(person)["notifications"] == 1
    provider.turn_clock(timedelta(minutes=10))

    provider.wait_delivered(client)
    [delivery] = provider.deliveries(client)
    assert [attempt["status"] for attempt in delivery["attempts"]] == [503, 200]
    assert [claims["sid"] for claims in stub_app.claims] == provider.sids(person, client) * 2


def test_faults_end_with_their_block(provider, stub_app):
    client = provider.add_client(backchannel_logout_uri=stub_app.backchannel_logout_uri)
    person = provider.add_person()
    browser = requests.Session()
    session_id = provider.sign_in(browser, person)
    sign_in_at(browser, provider, client, stub_app)

    with provider.faults("off", client, times=None):
        provider.end_session(session_id)
        with pytest.raises(AssertionError, match="has not accepted 1 notification"):
            provider.wait_delivered(client, within=timedelta(seconds=0.2))
        assert stub_app.tokens == []

    provider.wait_delivered(client)
    assert len(stub_app.tokens) == 1


def test_what_the_provider_refuses_is_said_in_its_words(provider):
    with pytest.raises(RefusedByProvider, match="'ada' is taken"):
        provider.add_person("ada")


def sign_in_at(browser, provider, client, app):
    """Ask for a code, which the app never redeems: the person is signed in there for the provider."""
    response = browser.get(
        f"{provider.issuer}/authorize",
        params={
            "client_id": client.client_id,
            "redirect_uri": app.redirect_uri,
            "response_type": "code",
            "scope": "openid",
            "state": secrets.token_hex(4),
        },
        allow_redirects=False,
        timeout=PATIENCE,
    )
    assert response.headers["Location"].startswith(app.redirect_uri), response.text
