"""Sign-ins by a provider's response, at Flask and at Starlette alike (core §3.1.3.7)."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import jwt
import pytest
import requests
from flask import Flask
from starlette.applications import Starlette
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import PlainTextResponse

from curfew_rp import flask, starlette
from curfew_rp.app_session import user_of
from tests.support.coroutines import run
from tests.support.fake_provider import FakeProvider, FakeProviderServer, make_key
from tests.support.waiting import PATIENCE

BASE = "https://shop.example"
SignIn = Callable[[], tuple[int, str]]


@pytest.fixture(scope="module")
def server() -> Iterator[FakeProviderServer]:
    server = FakeProviderServer()
    yield server
    server.stop()


@pytest.fixture
def provider(server) -> FakeProvider:
    """A provider that signs Ada in without asking, and as it should unless a test bends it."""
    server.provider = FakeProvider(issuer=server.provider.issuer)
    return server.provider


def options(provider: FakeProvider) -> dict[str, Any]:
    return {
        "issuer": provider.issuer,
        "client_id": "red",
        "client_secret": "red-secret",
        "store": "memory:",
        "algorithms": ["RS256"],
        # The server is called inside by another name than browsers know.
        "base_url": BASE,
    }


def at_provider(there: str) -> str:
    """Return the way back to the app, without its origin."""
    back = requests.get(there, allow_redirects=False, timeout=PATIENCE).headers["Location"]
    assert back.startswith(f"{BASE}/callback")
    return back.removeprefix(BASE)


def by_flask(provider: FakeProvider) -> SignIn:
    app = Flask("shop")
    app.secret_key = "a secret of the app's own"
    curfew = flask.CurfewRP(app, **options(provider))
    app.add_url_rule("/", view_func=lambda: curfew.user.name if curfew.user else "nobody")

    def sign_in() -> tuple[int, str]:
        http = app.test_client()
        response = http.get(at_provider(http.get("/login").headers["Location"]))
        return response.status_code, http.get("/").text

    return sign_in


def by_starlette(provider: FakeProvider) -> SignIn:
    app = Starlette()
    starlette.CurfewRP(app, **options(provider))
    app.add_middleware(SessionMiddleware, secret_key="a secret of the app's own", https_only=False)

    async def home(request: Any) -> PlainTextResponse:
        user = user_of(request.session)
        return PlainTextResponse(user.name if user else "nobody")

    app.add_route("/", home)

    async def sign_in() -> tuple[int, str]:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://inside") as http:
            there = (await http.get("/login")).headers["Location"]
            response = await http.get(at_provider(there))
            return response.status_code, (await http.get("/")).text

    return lambda: run(sign_in())


@pytest.fixture(params=[by_flask, by_starlette], ids=["Flask", "Starlette"])
def sign_in(request, provider) -> SignIn:
    return request.param(provider)


@pytest.mark.spec("core 15")
def test_a_person_is_signed_in_with_a_name_from_userinfo(sign_in, provider):
    assert sign_in() in ((302, "Ada Lovelace"), (303, "Ada Lovelace"))
    assert len(provider.requests_to("/userinfo")) == 1


def test_userinfo_is_not_asked_for_what_the_id_token_says(sign_in, provider):
    provider.bend_id_token = lambda claims: {**claims, "name": "Ada"}

    assert sign_in()[1] == "Ada"
    assert provider.requests_to("/userinfo") == []


@pytest.mark.spec("core §3.1.3.7")
@pytest.mark.parametrize(
    "bend",
    [
        pytest.param(lambda c: {**c, "iss": "http://evil.test"}, id="another issuer"),
        pytest.param(lambda c: {**c, "aud": ["red", "green"], "azp": "red"}, id="an audience with others"),
        pytest.param(lambda c: {**c, "nonce": "other"}, id="another nonce"),
        pytest.param(lambda c: {**c, "at_hash": "wrong"}, id="at_hash of another access token"),
        pytest.param(lambda c: {**c, "exp": 1}, id="expired"),
        pytest.param(lambda c: {**c, "sub": None}, id="no subject"),
    ],
)
def test_a_wrong_id_token_is_refused(sign_in, provider, bend):
    provider.bend_id_token = bend

    assert sign_in() == (400, "nobody")


@pytest.mark.spec("core §3.1.3.7")
@pytest.mark.parametrize(
    "sign",
    [
        pytest.param(lambda c: jwt.encode(c, None, algorithm="none"), id="alg none"),
        pytest.param(
            lambda c: jwt.encode(c, make_key("first"), algorithm="RS512", headers={"kid": "first"}),
            id="an algorithm that was not registered",
        ),
        pytest.param(
            lambda c: jwt.encode(c, make_key("foreign"), algorithm="RS256", headers={"kid": "first"}),
            id="a foreign key",
        ),
        pytest.param(json.dumps, id="no token at all"),
    ],
)
def test_a_wrongly_signed_id_token_is_refused(sign_in, provider, sign):
    provider.sign_id_token = sign

    assert sign_in() == (400, "nobody")


@pytest.mark.parametrize("missing", ["access_token", "id_token"])
def test_a_token_response_without_a_token_does_not_sign_in(sign_in, provider, missing):
    provider.bend_token_response = lambda response: {k: v for k, v in response.items() if k != missing}

    assert sign_in() == (400, "nobody")


@pytest.mark.spec("core 15")
def test_userinfo_of_another_person_is_refused(sign_in, provider):
    provider.userinfo_sub = "ben"

    assert sign_in() == (400, "nobody")


def test_a_provider_that_names_another_issuer_is_not_used(provider):
    app = Flask("shop")
    flask.CurfewRP(app, **(options(provider) | {"issuer": f"{provider.issuer}/"}))
    app.secret_key = "a secret of the app's own"

    assert app.test_client().get("/login").status_code == 503
