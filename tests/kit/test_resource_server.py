"""The calls that an API accepts, and how it refuses the others."""

import base64
import json
import secrets
import time
from datetime import timedelta

import pytest

from curfew_rp import MemoryStore, ProviderKeys, SessionIndex
from curfew_rp.resource_server import (
    Call,
    ProofOfPossession,
    Refused,
    Requirements,
    ResourceServer,
    SignedTokens,
)
from tests.kit.other_provider import CLIENT_ID, OtherProvider

API = "https://api.example"
URL = f"{API}/orders"


@pytest.fixture
def store():
    return MemoryStore()


@pytest.fixture
def signed(provider, store):
    """An API that verifies signed tokens, and checks DPoP."""
    mode = SignedTokens(ProviderKeys(provider.issuer), audience=API, store=store)
    return ResourceServer(mode, dpop=ProofOfPossession(store))


def access_token(
    provider: OtherProvider, *, alg="RS256", typ="at+jwt", key=None, iat_in=0, exp_in=300, **changes
):
    now = int(time.time())
    claims = {
        "iss": provider.issuer,
        "sub": "ada",
        "aud": API,
        "client_id": CLIENT_ID,
        "iat": now + iat_in,
        "exp": now + exp_in,
        "jti": secrets.token_hex(8),
        "scope": "orders profile",
        "auth_time": now - 60,
        "acr": "pwd",
        "sid": "sid-1",
        **changes,
    }
    claims = {name: value for name, value in claims.items() if value is not ...}
    return provider.sign(claims, alg=alg, typ=typ, key=key)


def base64url(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def headed(header):
    return f"{base64url(json.dumps(header).encode())}.e30.e30"


def call(token=None, *, scheme="Bearer", proofs=(), method="GET", url=URL):
    authorization = [] if token is None else [f"{scheme} {token}"]
    return Call(method=method, url=url, authorization=authorization, dpop=proofs)


def refusal(guard, made, required=None):
    with pytest.raises(Refused) as refused:
        guard.check(made, required or Requirements())
    return refused.value


@pytest.mark.parametrize("alg", ["RS256", "ES256", "EdDSA", "PS256"])
def test_a_signed_token_is_let_in(signed, provider, alg):
    access = signed.check(call(access_token(provider, alg=alg)), Requirements.of(scopes={"orders"}))

    assert (access.sub, access.client_id, access.sid, access.acr) == ("ada", CLIENT_ID, "sid-1", "pwd")
    assert access.scopes == {"orders", "profile"}
    assert access.freshness.mode == "signed"
    assert 290 < access.freshness.stale_for_at_most <= 300
    assert signed.headers(access)["Token-Freshness"].startswith("signed; age=")


@pytest.mark.spec("rfc9068 2")
@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"typ": "JWT"}, id="an ID Token"),
        pytest.param({"typ": "logout+jwt"}, id="a Logout Token"),
        pytest.param({"typ": "vnd.curfew.logout-receipt+jwt"}, id="a receipt of a logout"),
        pytest.param({"typ": None}, id="no typ"),
        pytest.param({"key": "RS256 foreign"}, id="a foreign key"),
        pytest.param({"iss": "https://another.example"}, id="another issuer"),
        pytest.param({"aud": "https://another.example"}, id="another API"),
        pytest.param({"aud": ...}, id="no audience"),
        pytest.param({"exp": 1}, id="expired"),
        pytest.param({"exp": ...}, id="no exp"),
        pytest.param({"exp_in": 7200}, id="two hours of life"),
        pytest.param({"iat_in": 200}, id="from the future"),
        pytest.param({"iat": True}, id="iat is true"),
        pytest.param({"sub": ...}, id="no sub"),
        pytest.param({"client_id": ...}, id="no client_id"),
        pytest.param({"sid": 7}, id="sid is a number"),
        pytest.param({"cnf": {"x5t#S256": "x"}}, id="bound to a certificate"),
        pytest.param({"cnf": {}}, id="bound to nothing that is named"),
        pytest.param({"cnf": ["jkt"]}, id="cnf is a list"),
        pytest.param({"cnf": {"jkt": "x"}}, id="bound to a key, sent as a bearer token"),
    ],
)
def test_a_token_that_is_not_for_this_api_is_refused(signed, provider, changes):
    refused = refusal(signed, call(access_token(provider, **changes)))

    assert refused.status == 401
    assert 'error="invalid_token"' in refused.challenges[0]
    assert refused.challenges[0].startswith("Bearer ")
    assert refused.challenges[1] == 'DPoP algs="RS256 ES256 EdDSA PS256"'


def test_a_token_is_refused_as_soon_as_its_app_has_heard_of_the_logout(signed, provider, store):
    index = SessionIndex(store, issuer=provider.issuer, client_id=CLIENT_ID)
    token, other = access_token(provider), access_token(provider, sid="sid-2")
    assert signed.check(call(token)).freshness.last_heard_at is None

    index.end(sub="ada", sid="sid-1", at=time.time())

    assert refusal(signed, call(token)).description == "the session of the token has ended"
    assert time.time() - signed.check(call(other)).freshness.last_heard_at < 60
    index.end(sub="ada", sid=None, at=time.time())
    assert refusal(signed, call(other)).status == 401


def test_a_token_that_outlives_its_session_is_let_in(signed, provider, store):
    """A client with offline_access has refreshed after the logout; the sid is still that of the session."""
    index = SessionIndex(store, issuer=provider.issuer, client_id=CLIENT_ID)
    index.end(sub="ada", sid="sid-1", at=time.time() - 30)

    assert refusal(signed, call(access_token(provider, iat_in=-40))).status == 401
    assert signed.check(call(access_token(provider, iat_in=-20))).sub == "ada"


def test_another_apps_logout_does_not_end_the_token(signed, provider, store):
    SessionIndex(store, issuer=provider.issuer, client_id="blog").end(sub="ada", sid="sid-1", at=time.time())

    assert signed.check(call(access_token(provider))).sub == "ada"


@pytest.mark.parametrize(
    ("authorization", "status", "challenge"),
    [
        pytest.param([], 401, 'Bearer|DPoP algs="RS256 ES256 EdDSA PS256"', id="none"),
        pytest.param(["Basic YTpi"], 400, 'Bearer error="invalid_request"', id="another scheme"),
        pytest.param(["Bearer"], 400, 'Bearer error="invalid_request"', id="no token"),
        pytest.param(["Bearer a b"], 400, 'Bearer error="invalid_request"', id="two tokens"),
        pytest.param(["Bearer a", "Bearer b"], 400, 'Bearer error="invalid_request"', id="two headers"),
    ],
)
def test_a_call_without_one_token(signed, authorization, status, challenge):
    refused = refusal(signed, Call(method="GET", url=URL, authorization=authorization))

    assert (refused.status, "|".join(refused.challenges)) == (status, challenge)


@pytest.mark.parametrize(
    "token",
    [
        *["x" * 9000, "ä", "a.b.c", "e30.e30.e30", "." * 100],
        headed({"typ": "at+jwt", "alg": []}),
        headed({"typ": "at+jwt", "alg": {}}),
        headed({"typ": [], "alg": "RS256"}),
    ],
)
def test_odd_tokens_are_refused(signed, token):
    assert refusal(signed, call(token)).status == 401


def test_a_scope_that_lacks_is_named(signed, provider):
    refused = refusal(signed, call(access_token(provider)), Requirements.of({"orders", "admin"}))

    assert refused.status == 403
    assert refused.challenges == ['Bearer error="insufficient_scope", scope="admin orders"']


@pytest.mark.spec("rfc9470 2")
@pytest.mark.parametrize(
    ("required", "asked"),
    [
        pytest.param({"acr_values": ["mfa", "phr"]}, 'acr_values="mfa phr"', id="a stronger sign-in"),
        pytest.param({"max_age": timedelta(seconds=30)}, 'max_age="30"', id="a more recent one"),
        pytest.param(
            {"acr_values": ["mfa"], "max_age": timedelta(0)}, 'acr_values="mfa", max_age="0"', id="both"
        ),
    ],
)
def test_a_dangerous_call_asks_for_a_step_up(signed, provider, required, asked):
    refused = refusal(signed, call(access_token(provider)), Requirements.of(**required))

    assert refused.status == 401
    body = "a different or more recent sign-in is needed"
    challenge = f'Bearer error="insufficient_user_authentication", error_description="{body}", {asked}'
    assert refused.challenges == [challenge]


def test_a_sign_in_that_is_strong_and_recent_enough_is_let_in(signed, provider):
    required = Requirements.of(acr_values=["pwd", "mfa"], max_age=timedelta(seconds=90))

    assert signed.check(call(access_token(provider)), required).acr == "pwd"
    assert refusal(signed, call(access_token(provider, auth_time=...)), required).status == 401


def test_mistakes_of_the_api_itself(store, provider):
    mode = SignedTokens(ProviderKeys(provider.issuer), audience=API, store=store)

    with pytest.raises(ValueError, match="at least 32 bytes"):
        ProofOfPossession(store, nonce_secret=b"short")
    with pytest.raises(ValueError, match="requires_dpop needs dpop"):
        ResourceServer(mode, requires_dpop=True)
