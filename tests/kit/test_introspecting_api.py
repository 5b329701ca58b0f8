"""An API that asks the provider about each token: its cache, and invalid responses."""

import base64
import time
from datetime import timedelta

import pytest

from curfew_rp import ProviderKeys, ProviderUnreachable
from curfew_rp.resource_server import (
    Introspection,
    Requirements,
    ResourceServer,
)
from curfew_rp.resource_server import introspection as introspection_module
from tests.kit.other_provider import CLIENT_ID
from tests.kit.test_resource_server import API, call, refusal


@pytest.fixture
def ask(provider):
    """Makes an API that asks the provider."""
    modes = []

    def ask(**options):
        provider.bend["/.well-known/openid-configuration"] = {
            "issuer": provider.issuer,
            "introspection_endpoint": f"{provider.issuer}/introspect",
        }
        mode = Introspection(
            ProviderKeys(provider.issuer), client_id="api", client_secret="a:b+%", audience=API, **options
        )
        modes.append(mode)
        return ResourceServer(mode)

    yield ask
    for mode in modes:
        mode.close()


def test_introspection_asks_on_each_call(ask, provider):
    guard = ask()
    provider.tokens["opaque"] = {
        "active": True,
        "token_type": "Bearer",
        "sub": "ada",
        "client_id": CLIENT_ID,
        "scope": "orders",
    }

    access = guard.check(call("opaque"))

    assert (access.sub, access.scopes, access.freshness.stale_for_at_most) == ("ada", {"orders"}, 0.0)
    assert guard.mode.description == "introspection on each call"
    provider.tokens.clear()
    assert refusal(guard, call("opaque")).description == "the token is not active"


def test_a_cache_is_displayed_and_ends(ask, provider, monkeypatch):
    guard = ask(kept_for=timedelta(seconds=5))
    provider.tokens["opaque"] = {"active": True, "token_type": "Bearer", "sub": "ada"}
    guard.check(call("opaque"))
    provider.tokens.clear()

    kept = guard.check(call("opaque"))

    assert 0 < kept.freshness.stale_for_at_most <= 5
    assert guard.mode.description == "introspection, each response kept for 5 s"
    later = time.monotonic() + 6
    monkeypatch.setattr(introspection_module.time, "monotonic", lambda: later)
    assert refusal(guard, call("opaque")).status == 401


def test_a_cache_is_bounded(ask, provider, monkeypatch):
    monkeypatch.setattr(introspection_module, "RESPONSES_KEPT", 2)
    guard = ask(kept_for=timedelta(seconds=60))
    for name in ("first", "second", "third"):
        provider.tokens[name] = {"active": True, "token_type": "Bearer"}
        guard.check(call(name))
    provider.tokens.clear()

    assert refusal(guard, call("first")).status == 401
    assert guard.check(call("third"))


@pytest.mark.parametrize(
    "response",
    [
        pytest.param({"active": "true"}, id="active is a text"),
        pytest.param({"active": True}, id="a refresh token, which has no type"),
        pytest.param({"active": True, "token_type": "N_A"}, id="a type that is not for APIs"),
        pytest.param({"active": True, "token_type": ["Bearer"]}, id="the type is a list"),
        pytest.param(
            {"active": True, "token_type": "Bearer", "iss": "https://another.example"}, id="another issuer"
        ),
        pytest.param(
            {"active": True, "token_type": "Bearer", "aud": ["https://another.example"]}, id="another API"
        ),
        pytest.param({"active": True, "token_type": "Bearer", "aud": 7}, id="aud is a number"),
        pytest.param({"active": True, "token_type": "Bearer", "aud": {API: True}}, id="aud is an object"),
        pytest.param({"active": True, "token_type": "Bearer", "exp": 1}, id="expired"),
        pytest.param({"active": True, "token_type": "Bearer", "exp": "soon"}, id="exp is a text"),
        pytest.param({"active": True, "token_type": "Bearer", "cnf": {"jkt": "x"}}, id="bound to a key"),
    ],
)
def test_a_response_that_is_not_for_this_api_is_refused(ask, provider, response):
    provider.tokens["opaque"] = response

    assert refusal(ask(), call("opaque")).status == 401


def test_the_instant_of_a_sign_in_may_be_nonsense(ask, provider):
    provider.tokens["opaque"] = {"active": True, "token_type": "Bearer", "sub": "ada", "auth_time": 10**400}
    guard = ask()

    assert guard.check(call("opaque")).auth_time is None
    assert refusal(guard, call("opaque"), Requirements.of(max_age=timedelta(minutes=5))).status == 401


@pytest.mark.spec("rfc6749 §2.3.1")
def test_the_api_names_itself_with_any_secret(ask, provider):
    provider.tokens["opaque"] = {"active": True, "token_type": "Bearer"}

    ask().check(call("opaque"))

    kind, _, text = provider.authorization.partition(" ")
    assert (kind, base64.b64decode(text)) == ("Basic", b"api:a%3Ab%2B%25")


@pytest.mark.parametrize("response", [b"[]", b"{", b'{"active": false, "active": true}', 401, 503])
def test_an_invalid_response_neither_admits_nor_refuses(ask, provider, response):
    provider.tokens["opaque"] = response

    with pytest.raises(ProviderUnreachable):
        ask().check(call("opaque"))
