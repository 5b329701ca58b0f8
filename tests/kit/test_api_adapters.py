"""The guard behind Flask, FastAPI and Django: the same call is let in or refused alike."""

import json
from typing import Annotated

import httpx
import pytest
from django.conf import settings
from django.http import JsonResponse
from django.test import RequestFactory
from fastapi import Depends, FastAPI
from flask import Flask, g

from curfew_rp import MemoryStore, ProviderKeys, flask_api, starlette_api
from curfew_rp.django import api as django_api
from curfew_rp.resource_server import Access, ProofOfPossession, ResourceServer, SignedTokens
from tests.kit.test_bound_tokens import Phone
from tests.kit.test_resource_server import access_token
from tests.support.coroutines import run

API = "https://api.example"


@pytest.fixture
def guard(provider):
    store = MemoryStore()
    mode = SignedTokens(ProviderKeys(provider.issuer), audience=API, store=store)
    return ResourceServer(mode, dpop=ProofOfPossession(store))


def by_flask(guard, **required):
    app = Flask("orders")

    @app.get("/<path:name>")
    @flask_api.require(guard, **required)
    def orders(name):
        return {"of": g.access.sub}

    http = app.test_client()
    return lambda headers, path="/orders": _parts_of(
        http.get(path, base_url="http://inside", headers=headers)
    )


def _parts_of(response):
    return (
        response.status_code,
        response.json,
        response.headers.getlist("WWW-Authenticate"),
        dict(response.headers),
    )


def by_fastapi(guard, **required):
    app = FastAPI()
    starlette_api.install(app)

    @app.get("/{name:path}")
    def orders(name: str, access: Annotated[Access, Depends(starlette_api.require(guard, **required))]):
        return {"of": access.sub}

    async def get(headers, path):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://inside") as http:
            return await http.get(path, headers=headers)

    def call(headers, path="/orders"):
        response = run(get(headers, path))
        named = {name.title(): value for name, value in response.headers.items()}
        return response.status_code, response.json(), response.headers.get_list("www-authenticate"), named

    return call


def by_django(guard, **required):
    if not settings.configured:
        settings.configure(ALLOWED_HOSTS=["*"])

    @django_api.require(guard, **required)
    def orders(request):
        return JsonResponse({"of": request.access.sub})

    def call(headers, path="/orders"):
        response = orders(RequestFactory(SERVER_NAME="inside").get(path, headers=headers))
        challenges = response.headers.get("WWW-Authenticate")
        return (
            response.status_code,
            json.loads(response.content),
            [challenges] if challenges else [],
            response.headers,
        )

    return call


ADAPTERS = [
    pytest.param(by_flask, id="Flask"),
    pytest.param(by_fastapi, id="FastAPI"),
    pytest.param(by_django, id="Django"),
]


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_a_good_token_is_let_in(guard, provider, adapter):
    call = adapter(guard, scopes={"orders"})

    status, body, _, headers = call({"Authorization": f"Bearer {access_token(provider)}"})

    assert (status, body) == (200, {"of": "ada"})
    assert headers["Token-Freshness"].startswith("signed; age=")


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_a_proof_is_for_the_address_that_clients_know(guard, provider, adapter):
    phone = Phone()
    token = access_token(provider, cnf={"jkt": phone.jkt})
    call = adapter(guard, base_url=API)

    def send(proof):
        return call({"Authorization": f"DPoP {token}", "DPoP": proof})[0]

    proof = phone.proof(token, htu=f"{API}/orders")
    assert [send(proof), send(proof)] == [200, 401]
    assert send(phone.proof(token, htu="http://inside/orders")) == 401


@pytest.mark.parametrize("base_url", [None, API])
@pytest.mark.parametrize("path", ["/orders/a%20b", "/orders/%C3%A9", "/orders/a%3Fb", "/orders/a%2520b"])
@pytest.mark.parametrize("adapter", ADAPTERS)
def test_a_proof_may_name_any_path(guard, provider, adapter, path, base_url):
    phone = Phone()
    token = access_token(provider, cnf={"jkt": phone.jkt})
    call = adapter(guard, base_url=base_url)
    origin = base_url or "http://inside"

    def send(htu):
        return call({"Authorization": f"DPoP {token}", "DPoP": phone.proof(token, htu=htu)}, path)[0]

    assert send(f"{origin}{path}") == 200
    assert send(f"{origin}{path}c") == 401
    assert send(f"{origin}/orders/a") == 401


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_a_refused_call_learns_why(guard, provider, adapter):
    call = adapter(guard, scopes={"admin"})

    status, body, challenges, headers = call({})
    assert (status, body) == (401, {"error_description": "there is no access token"})
    assert ", ".join(challenges) == 'Bearer, DPoP algs="RS256 ES256 EdDSA PS256"'
    assert headers["Cache-Control"] == "no-store"
    assert call({"Authorization": f"Bearer {access_token(provider)}"})[0] == 403


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_without_the_provider_it_is_503(guard, provider, adapter):
    provider.is_down = True

    status, body, _, headers = adapter(guard)({"Authorization": f"Bearer {access_token(provider)}"})

    assert (status, body["error"]) == (503, "temporarily_unavailable")
    assert (headers["Retry-After"], headers["Cache-Control"]) == ("10", "no-store")
