"""The guard behind Flask, FastAPI and Django: the same call is let in or refused alike."""

import asyncio
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
from tests.kit.test_resource_server import Phone, access_token

API = "https://api.example"


@pytest.fixture
def guard(provider):
    store = MemoryStore()
    mode = SignedTokens(ProviderKeys(provider.issuer), audience=API, store=store)
    return ResourceServer(mode, dpop=ProofOfPossession(store))


def by_flask(guard, **required):
    app = Flask("orders")

    @app.get("/orders")
    @flask_api.require(guard, **required)
    def orders():
        return {"of": g.access.sub}

    http = app.test_client()
    return lambda headers: _told(http.get("/orders", base_url="http://inside", headers=headers))


def _told(answer):
    return answer.status_code, answer.json, answer.headers.getlist("WWW-Authenticate"), dict(answer.headers)


def by_fastapi(guard, **required):
    app = FastAPI()
    starlette_api.install(app)

    @app.get("/orders")
    def orders(access: Annotated[Access, Depends(starlette_api.require(guard, **required))]):
        return {"of": access.sub}

    async def get(headers):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://inside") as http:
            return await http.get("/orders", headers=headers)

    def call(headers):
        answer = asyncio.run(get(headers))
        named = {name.title(): value for name, value in answer.headers.items()}
        return answer.status_code, answer.json(), answer.headers.get_list("www-authenticate"), named

    return call


def by_django(guard, **required):
    if not settings.configured:
        settings.configure(ALLOWED_HOSTS=["*"])

    @django_api.require(guard, **required)
    def orders(request):
        return JsonResponse({"of": request.access.sub})

    def call(headers):
        answer = orders(RequestFactory().get("/orders", headers=headers))
        challenges = answer.headers.get("WWW-Authenticate")
        return (
            answer.status_code,
            json.loads(answer.content),
            [challenges] if challenges else [],
            answer.headers,
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


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_a_call_that_is_refused_is_told_why(guard, provider, adapter):
    call = adapter(guard, scopes={"admin"})

    status, body, challenges, headers = call({})
    assert (status, body) == (401, {"error_description": "there is no access token"})
    assert ", ".join(challenges) == 'Bearer, DPoP algs="RS256 ES256 EdDSA PS256"'
    assert headers["Cache-Control"] == "no-store"
    assert call({"Authorization": f"Bearer {access_token(provider)}"})[0] == 403


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_without_the_provider_it_is_503(guard, provider, adapter):
    provider.is_down = True

    status, body, *_ = adapter(guard)({"Authorization": f"Bearer {access_token(provider)}"})

    assert (status, body["error"]) == (503, "temporarily_unavailable")
