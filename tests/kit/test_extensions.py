"""The settings of the extensions for Flask and for Starlette, alike at both."""

import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import flask
import pytest
import requests
from starlette.applications import Starlette
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from curfew_rp import flask as for_flask
from curfew_rp import starlette as for_starlette
from curfew_rp.app_session import SignInRefused, user_of
from tests.support.coroutines import run
from tests.support.fake_provider import FakeProvider, FakeProviderServer
from tests.support.waiting import PATIENCE

BASE = "https://shop.example"


class AppUnderTest:
    """One app with a browser; `ended` and `receipts` are what its callbacks got."""

    def __init__(self, make: Callable[..., Any], provider: FakeProvider) -> None:
        self.provider = provider
        self.ended: list[tuple[str, str]] = []
        self.receipts: list[Any] = []
        options = {
            "issuer": provider.issuer,
            "client_id": "red",
            "client_secret": "red-secret",
            "store": "memory:",
            "base_url": BASE,
            "url_prefix": "/auth",
            "pass_on": ["max_age", "prompt", "scope"],
            "on_receipt": self.receipts.append,
        }
        self.tokens: list[Any] = []
        self.get, self.post, self.refresh, self._close = make(options, self.tokens.append, self.ended)

    def begin(self, **wishes: str) -> tuple[int, dict[str, list[str]], str]:
        """Ask for a sign-in: the status, the request to the provider and its whole address."""
        query = "&".join(f"{name}={value}" for name, value in wishes.items())
        response = self.get(f"/auth/login?{query}")
        there = response.headers.get("location", "")
        return response.status_code, parse_qs(urlsplit(there).query), there

    def sign_in(self, **wishes: str) -> Any:
        """Sign in, by way of the provider; returns the response of the callback."""
        _, _, there = self.begin(**wishes)
        back = requests.get(there, allow_redirects=False, timeout=PATIENCE).headers["Location"]
        return self.get(back.removeprefix(BASE))

    def close(self) -> None:
        self._close()


def at_flask(options: dict[str, Any], keep: Callable[[Any], None], ended: list[tuple[str, str]]) -> Any:
    app = flask.Flask("shop")
    app.secret_key = "a secret of the app's own"
    curfew = for_flask.CurfewRP(
        app,
        **options,
        render=lambda notice: (f"shop: {notice.code}", notice.status),
        on_sign_in=keep,
        on_ended=lambda user, why: ended.append((user.sign_in.sub, why)),
    )
    app.add_url_rule("/", "home", lambda: curfew.user.sign_in.sub if curfew.user else "-")
    app.add_url_rule("/out", "out", lambda: str(curfew.sign_out()), methods=["POST"])
    http = app.test_client()

    def refresh(token: str, sub: str) -> Any:
        with app.app_context():
            return curfew.client.refresh(token, sub)

    return http.get, http.post, refresh, lambda: None


def at_starlette(options: dict[str, Any], keep: Callable[[Any], None], ended: list[tuple[str, str]]) -> Any:
    app = Starlette()

    async def note(user: Any, why: str) -> None:
        ended.append((user.sign_in.sub, why))

    async def keep_token(token: Any) -> None:
        keep(token)

    curfew = for_starlette.CurfewRP(
        app,
        **options,
        render=lambda _, notice: PlainTextResponse(f"shop: {notice.code}", notice.status),
        on_sign_in=keep_token,
        on_ended=note,
    )
    app.add_middleware(SessionMiddleware, secret_key="a secret of the app's own", https_only=False)

    async def home(request: Any) -> PlainTextResponse:
        user = user_of(request.session)
        return PlainTextResponse(user.sign_in.sub if user else "-")

    async def out(request: Any) -> PlainTextResponse:
        return PlainTextResponse(str(await curfew.sign_out(request)))

    app.add_route("/", home)
    app.add_route("/out", out, methods=["POST"])
    http = TestClient(app, follow_redirects=False)
    return http.get, http.post, lambda *args: run(curfew.client.refresh(*args)), http.close


@pytest.fixture(scope="module")
def server() -> Iterator[FakeProviderServer]:
    server = FakeProviderServer()
    yield server
    server.stop()


@pytest.fixture(params=[at_flask, at_starlette], ids=["Flask", "Starlette"])
def shop(request, server) -> Iterator[AppUnderTest]:
    server.provider = FakeProvider(issuer=server.provider.issuer)
    shop = AppUnderTest(request.param, server.provider)
    yield shop
    shop.close()


def test_parameters_that_are_named_are_passed_on(shop):
    status, asked, _ = shop.begin(prompt="login", max_age="60", ui_locales="de")

    assert status == 302
    assert (asked["prompt"], asked["max_age"]) == (["login"], ["60"])
    assert "ui_locales" not in asked


@pytest.mark.parametrize(
    "wishes",
    [{"scope": "profile"}, {"max_age": "soon"}, {"max_age": "-1"}, {"max_age": "٣"}, {"max_age": "9" * 5000}],
)
def test_parameters_that_could_not_be_verified_are_refused(shop, wishes):
    status, asked, _ = shop.begin(**wishes)

    assert (status, asked) == (400, {})


@pytest.mark.spec("core §3.1.3.7")
@pytest.mark.parametrize(("age", "status"), [(30, (302, 303)), (600, (400,)), (None, (400,))])
def test_max_age_is_verified(shop, age, status):
    shop.provider.bend_id_token = lambda claims: (
        claims if age is None else claims | {"auth_time": int(time.time()) - age}
    )

    assert shop.sign_in(max_age="60").status_code in status


def test_the_pages_are_the_apps_own(shop):
    assert shop.get("/auth/signed-out").text == "shop: signed_out"
    assert shop.begin(max_age="soon")[0] == 400
    stray = shop.get("/auth/callback")
    assert (stray.status_code, stray.text) == (400, "shop: issuer_mismatch")
    assert stray.headers["cache-control"] == "no-store"


def test_an_app_learns_why_a_session_is_over(shop):
    shop.sign_in()
    shop.sign_in()
    assert shop.ended == [("ada", "replaced")]

    shop.post("/auth/backchannel-logout", data={"logout_token": shop.provider.logout_token()})
    assert shop.get("/").text == "-"
    assert shop.ended == [("ada", "replaced"), ("ada", "ended")]
    assert [receipt.ended for receipt in shop.receipts] == [1]

    shop.provider.sid = "sid-2"
    shop.sign_in()
    assert shop.get("/").text == "ada"
    shop.post("/out")
    assert shop.get("/").text == "-"
    assert shop.ended[2:] == [("ada", "signed out")]


@pytest.mark.spec("core 24")
def test_tokens_are_refreshed_for_the_same_person_alone(shop):
    shop.sign_in()
    [first] = shop.tokens

    second = shop.refresh(first["refresh_token"], "ada")
    assert second["access_token"] != first["access_token"]

    shop.provider.sub = "ben"
    shop.provider.bend_id_token = lambda claims: claims | {"sub": "ben"}
    with pytest.raises(SignInRefused, match="another person"):
        shop.refresh(second["refresh_token"], "ada")
