"""`/introspect` as resource servers see it."""

from dataclasses import replace
from datetime import timedelta

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from provider.infrastructure import current
from provider.protocol.acr import PASSWORD_ACR
from tests.factories import secret_of
from tests.support.browsers import ISSUER
from tests.support.relying_party import RelyingParty


@pytest.fixture
def tokens(signed_in, rp):
    return rp.sign_in(signed_in)


@pytest.mark.spec("rfc7662 1, rfc7662 2, rfc7662 3")
def test_a_living_access_token_is_described(rp, ada, tokens):
    said = rp.introspect(tokens["access_token"])

    assert said.pop("exp") - said.pop("iat") == 3600
    assert said.pop("sid")
    assert said.pop("auth_time")
    assert said.pop("jti")
    assert said == {
        "active": True,
        "iss": ISSUER,
        "client_id": "red",
        "sub": ada.sub,
        "username": "ada",
        "scope": "openid profile email",
        "token_type": "Bearer",
        "amr": ["pwd"],
        "acr": PASSWORD_ACR,
    }


@pytest.mark.spec("core 19, rfc7662 1, rfc7662 2")
@pytest.mark.parametrize(("scope", "username"), [("openid", None), ("openid profile", "ada")])
def test_a_pairwise_subject_is_not_given_away_by_the_name(app, signed_in, scope, username):
    green = RelyingParty(app, "green", subject_type="pairwise")

    said = green.introspect(green.sign_in(signed_in, scope=scope)["access_token"])

    assert said.get("username") == username


def test_a_clients_own_token_has_no_name(app):
    api = RelyingParty(app, "api", grant_types=["client_credentials"], redirect_uris=[], scope="read")

    token = api.post("/token", grant_type="client_credentials").json["access_token"]

    assert "username" not in api.introspect(token)


def test_it_costs_at_most_two_statements(rp, tokens, statements):
    for token in (tokens["access_token"], tokens["refresh_token"], "cfa_unknown"):
        with statements() as seen:
            rp.introspect(token)

        assert len(seen) <= 2, seen


@pytest.mark.spec("rfc7662 1, rfc7662 2, rfc7662 3")
@pytest.mark.parametrize(
    "token",
    [
        pytest.param("cfa_unknown", id="an unknown token"),
        pytest.param("cfr_unknown", id="an unknown refresh token"),
        pytest.param("ünknown", id="letters that no token has"),
        pytest.param("x" * 8000, id="a long one"),
    ],
)
def test_of_what_is_not_active_nothing_else_is_said(rp, token):
    response = rp.post("/introspect", token=token)

    assert (response.status_code, response.json) == (200, {"active": False})
    assert response.headers["Cache-Control"] == "no-store"


def test_a_token_is_active_until_its_end(app, rp, signed_in, turned_clock):
    # No other default is as long: the session, the grant and the refresh token live on.
    shorter = replace(current.settings(), access_token_lifetime=timedelta(minutes=7))
    current.install(app, replace(current.services(), settings=shorter))
    tokens = rp.sign_in(signed_in)

    turned_clock.turn(timedelta(minutes=7, seconds=-1))
    assert rp.introspect(tokens["access_token"])["active"]
    assert rp.userinfo(tokens["access_token"]).status_code == 200

    turned_clock.turn(timedelta(seconds=1))
    assert rp.introspect(tokens["access_token"]) == {"active": False}
    assert rp.userinfo(tokens["access_token"]).status_code == 401
    assert rp.refresh(tokens["refresh_token"]).status_code == 200


def test_a_refresh_token_is_known_to_its_own_client_while_it_is_unused(app, rp, tokens):
    RelyingParty(app, "green")
    assert rp.introspect(tokens["refresh_token"])["active"]
    assert "token_type" not in rp.introspect(tokens["refresh_token"])
    assert rp.introspect(tokens["refresh_token"], by="green") == {"active": False}

    rp.refresh(tokens["refresh_token"])

    assert rp.introspect(tokens["refresh_token"]) == {"active": False}


def test_any_client_that_proves_itself_may_ask_about_an_access_token(app, rp, tokens):
    RelyingParty(app, "green")

    assert rp.introspect(tokens["access_token"], by="green")["client_id"] == "red"


@pytest.mark.spec("rfc7662 2")
def test_who_proves_nothing_learns_nothing(app, rp, tokens):
    public = RelyingParty(app, "blue", public=True)
    form = {"token": tokens["access_token"]}

    refused = [
        rp.http.post("/introspect", data=form),
        rp.http.post("/introspect", data=form, auth=("red", "wrong")),
        rp.http.post("/introspect", data=form, auth=("nobody", secret_of("nobody"))),
        public.post("/introspect", **form),
    ]

    assert [response.status_code for response in refused] == [401] * 4
    assert {response.json["error"] for response in refused} == {"invalid_client"}
    assert len({response.get_data() for response in refused}) == 1


def test_a_hint_is_never_more_than_a_hint(rp, tokens):
    for hint in ("access_token", "refresh_token", "nonsense"):
        assert rp.introspect(tokens["access_token"], token_type_hint=hint)["active"]


def test_without_a_token_the_question_is_wrong(rp):
    assert rp.post("/introspect").json["error"] == "invalid_request"


SIGNED = "application/token-introspection+jwt"


def ask_signed(rp, token, accept=SIGNED):
    auth = (rp.client_id, secret_of(rp.client_id))
    return rp.http.post("/introspect", data={"token": token}, auth=auth, headers={"Accept": accept})


@pytest.mark.spec("rfc7662 4")
@pytest.mark.parametrize(
    ("made", "alg"), [({}, "RS256"), ({"introspection_signed_response_alg": "PS256"}, "PS256")]
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_who_asks_for_it_gets_the_response_signed(app, rp, tokens, made, alg):
    server = RelyingParty(app, "green", **made)

    response = ask_signed(server, tokens["access_token"])

    keys = KeySet.import_key_set(rp.http.get("/jwks").json)
    found = jwt.decode(response.get_data(as_text=True), keys, algorithms=[alg])
    assert (response.content_type, response.headers["Cache-Control"]) == (SIGNED, "no-store")
    assert (found.header["typ"], found.header["alg"]) == ("token-introspection+jwt", alg)
    assert set(found.claims) == {"iss", "aud", "iat", "token_introspection"}
    assert (found.claims["iss"], found.claims["aud"]) == (ISSUER, "green")
    assert found.claims["token_introspection"] == rp.introspect(tokens["access_token"])
    dead = ask_signed(server, "cfa_unknown").get_data(as_text=True)
    assert jwt.decode(dead, keys, algorithms=[alg]).claims["token_introspection"] == {"active": False}


@pytest.mark.parametrize("accept", ["*/*", "application/json", f"application/json, {SIGNED};q=0.5", "jwt"])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_who_does_not_gets_json(rp, tokens, accept):
    assert ask_signed(rp, tokens["access_token"], accept).json["active"]
