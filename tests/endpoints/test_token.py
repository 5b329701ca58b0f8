"""Codes and credentials at `/token` as relying parties see them."""

from datetime import timedelta

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from sqlalchemy import select

from provider.audit.models import AuditEvent
from provider.infrastructure.database import db
from provider.logout.models import LogoutReason
from provider.logout.steps import Cause
from provider.sessions.models import ClientSession, Session
from provider.tokens.models import AccessToken, AuthorizationCode, RefreshToken
from tests.endpoints.ways_to_end import WAYS_TO_END
from tests.factories import secret_of
from tests.support.browsers import ISSUER, query_of
from tests.support.reads import end_read
from tests.support.relying_party import VERIFIER, RelyingParty, press

BY_ADA = Cause(reason=LogoutReason.USER, initiator="account")


def only(model):
    end_read()
    return db.session.scalars(select(model), execution_options={"populate_existing": True}).one()


def tags() -> list[str]:
    end_read()
    return list(db.session.scalars(select(AuditEvent.tag)))


def claims_of(rp: RelyingParty, id_token: str) -> tuple[dict, dict]:
    """Header and claims, verified by the other implementation with the published keys."""
    keys = KeySet.import_key_set(rp.http.get("/jwks").json)
    token = jwt.decode(id_token, keys, algorithms=["RS256", "ES256", "Ed25519", "EdDSA"])
    return token.header, token.claims


def give_offline_access(rp: RelyingParty, browser) -> dict:
    asked = rp.authorize(browser, scope="openid offline_access", prompt="consent")
    return rp.exchange(query_of(press(browser, asked, "allow"))["code"]).json


@pytest.mark.spec("core 11")
def test_a_code_is_exchanged_for_tokens(signed_in, rp):
    response = rp.exchange(rp.code(signed_in))

    body = response.json
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Pragma"] == "no-cache"
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 3600)
    assert body["scope"] == "openid profile email"
    assert (body["access_token"][:4], body["refresh_token"][:4]) == ("cfa_", "cfr_")


# The other implementation wants the name `Ed25519` of rfc9864, which few relying parties know.
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.spec("core 13, core 14")
@pytest.mark.parametrize("alg", ["RS256", "ES256", "EdDSA"])
def test_the_id_token_says_who_signed_in_and_no_more(app, signed_in, ada, alg):
    rp = RelyingParty(app, id_token_signed_response_alg=alg)

    header, claims = claims_of(rp, rp.sign_in(signed_in)["id_token"])

    session, client_session = only(Session), only(ClientSession)
    assert (header["alg"], header["typ"], set(header)) == (alg, "JWT", {"alg", "typ", "kid"})
    assert (claims["iss"], claims["sub"], claims["aud"]) == (ISSUER, ada.sub, "red")
    assert (claims["sid"], claims["nonce"], claims["amr"]) == (client_session.sid, "the nonce", ["pwd"])
    assert claims["auth_time"] == int(session.authenticated_at.timestamp())
    assert claims["exp"] - claims["iat"] == 3600
    # core §5.4: with an access token the scopes' claims are the UserInfo Endpoint's to tell.
    assert not {"name", "email", "azp"} & set(claims)


@pytest.mark.spec("core 13")
def test_no_nonce_was_sent_and_none_comes_back(signed_in, rp):
    assert "nonce" not in claims_of(rp, rp.sign_in(signed_in, nonce=None)["id_token"])[1]


def test_plain_oauth_gets_no_id_token(signed_in, rp):
    tokens = rp.sign_in(signed_in, scope="profile")

    assert "id_token" not in tokens
    assert rp.userinfo(tokens["access_token"]).status_code == 403


def test_without_the_grant_type_there_is_no_refresh_token(app, signed_in):
    rp = RelyingParty(app, grant_types=["authorization_code"])

    tokens = rp.sign_in(signed_in)

    assert "refresh_token" not in tokens
    assert rp.refresh("cfr_x").json["error"] == "unauthorized_client"


def test_the_exchange_and_the_refresh_keep_their_budgets(signed_in, rp, statements):
    code = rp.code(signed_in)
    with statements() as exchange:
        tokens = rp.exchange(code).json
    with statements() as refresh:
        rp.refresh(tokens["refresh_token"])

    assert len(exchange) <= 9, exchange
    assert len(refresh) <= 7, refresh


@pytest.mark.spec("core 12, rfc6749 §5.2")
@pytest.mark.parametrize(
    ("changes", "error"),
    [
        pytest.param({"grant_type": None}, "invalid_request", id="no grant_type"),
        pytest.param({"grant_type": "password"}, "unsupported_grant_type", id="the password grant"),
        pytest.param({"code": None}, "invalid_request", id="no code"),
        pytest.param({"code": "cfc_unknown"}, "invalid_grant", id="an unknown code"),
        pytest.param({"redirect_uri": None}, "invalid_grant", id="no redirect_uri"),
        pytest.param({"redirect_uri": "https://red.test/other"}, "invalid_grant", id="another redirect_uri"),
        pytest.param({"code_verifier": None}, "invalid_grant", id="no verifier"),
        pytest.param({"code_verifier": VERIFIER[:-1] + "x"}, "invalid_grant", id="a wrong verifier"),
        pytest.param({"code_verifier": VERIFIER[:42]}, "invalid_request", id="a verifier that is too short"),
        pytest.param({"code_verifier": "x" * 129}, "invalid_request", id="a verifier that is too long"),
        pytest.param({"code_verifier": "ü" * 43}, "invalid_request", id="a verifier of other letters"),
    ],
)
def test_a_bad_exchange_leaves_the_code_as_it_was(signed_in, rp, changes, error):
    code = rp.code(signed_in)

    response = rp.exchange(code, **changes)

    assert (response.status_code, response.json["error"]) == (400, error)
    assert rp.exchange(code).status_code == 200


@pytest.mark.spec("rfc7636 1, rfc9700 3")
def test_a_verifier_for_a_code_without_challenge_is_refused(signed_in, rp):
    """ABU-59: an attacker took the challenge out of the request on its way."""
    code = rp.code(signed_in, code_challenge=None, code_challenge_method=None)

    assert rp.exchange(code).status_code == 400
    assert rp.exchange(code, code_verifier=None).status_code == 200


def test_a_code_is_its_own_clients(app, signed_in, rp):
    RelyingParty(app, "green")
    code = rp.code(signed_in)

    assert rp.exchange(code, by="green").json["error"] == "invalid_grant"
    assert rp.exchange(code).status_code == 200


def test_a_code_lives_for_a_minute(signed_in, rp, turned_clock):
    code = rp.code(signed_in)
    turned_clock.turn(timedelta(seconds=60))

    assert rp.exchange(code).json["error"] == "invalid_grant"


@pytest.mark.spec("core 10, rfc6749 §4.1.2")
def test_a_code_used_twice_takes_along_what_it_gave(signed_in, rp):
    """SEC-1012."""
    code = rp.code(signed_in)
    tokens = rp.exchange(code).json
    other = rp.sign_in(signed_in)

    assert rp.exchange(code).json["error"] == "invalid_grant"

    assert not rp.introspect(tokens["access_token"])["active"]
    assert rp.refresh(tokens["refresh_token"]).json["error"] == "invalid_grant"
    assert rp.introspect(other["access_token"])["active"]
    assert tags().count("code_replayed") == 1
    assert "refresh_replayed" not in tags()


def test_nothing_is_stored_that_could_be_used(signed_in, rp):
    code = rp.code(signed_in)
    tokens = rp.exchange(code).json

    stored = {only(model).digest for model in (AuthorizationCode, AccessToken, RefreshToken)}

    assert not stored & {code, tokens["access_token"], tokens["refresh_token"]}
    assert all(len(digest) == 64 for digest in stored)


@pytest.mark.parametrize("how", WAYS_TO_END)
def test_whatever_ends_it_everything_is_refused_at_once(story, how):
    """Design §4: each level of revocation is asked at each use."""
    tokens, code = story.rp.sign_in(story.browser), story.rp.code(story.browser)
    assert story.lives(tokens)

    how(story)

    assert story.rp.exchange(code).json["error"] == "invalid_grant"
    assert not story.lives(tokens)
    assert story.rp.refresh(tokens["refresh_token"]).json["error"] == "invalid_grant"
    assert "refresh_replayed" not in tags()


def test_a_disabled_client_cannot_even_ask(story):
    tokens = story.rp.sign_in(story.browser)
    story.set_client(disabled_at=story.now)

    assert story.rp.refresh(tokens["refresh_token"]).json["error"] == "invalid_client"
    assert story.rp.userinfo(tokens["access_token"]).status_code == 401


@pytest.mark.spec("backchannel OP 9")
def test_an_offline_grant_survives_its_session_but_a_code_does_not(story):
    tokens = give_offline_access(story.rp, story.browser)
    code = story.rp.code(story.browser, scope="openid offline_access")

    story.end_session()

    assert story.rp.exchange(code).json["error"] == "invalid_grant"
    refreshed = story.rp.refresh(tokens["refresh_token"])
    assert refreshed.status_code == 200
    assert story.lives(refreshed.json)
    story.end_everywhere()
    assert not story.lives(refreshed.json)
    assert story.rp.refresh(refreshed.json["refresh_token"]).json["error"] == "invalid_grant"


@pytest.mark.spec("rfc6749 §4.4")
def test_a_client_gets_a_token_for_itself(app):
    rp = RelyingParty(app, grant_types=["client_credentials"], redirect_uris=None, scope="openid jobs logs")

    body = rp.post("/token", grant_type="client_credentials").json

    assert (body["scope"], set(body)) == (
        "jobs logs",
        {"access_token", "token_type", "expires_in", "scope"},
    )
    assert rp.introspect(body["access_token"])["sub"] == "red"
    assert rp.userinfo(body["access_token"]).status_code == 403
    assert rp.post("/token", grant_type="client_credentials", scope="openid").json["error"] == "invalid_scope"
    assert rp.post("/token", grant_type="client_credentials", scope="more").json["error"] == "invalid_scope"


def test_a_client_without_the_grant_type_gets_none_for_itself(rp):
    assert rp.post("/token", grant_type="client_credentials").json["error"] == "unauthorized_client"


@pytest.mark.spec("rfc6749 §3.2")
def test_a_clients_parameters_belong_into_the_body_and_come_once(signed_in, rp):
    code = rp.code(signed_in)
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": rp.redirect_uri}
    proof = ("red", secret_of("red"))

    in_url = rp.http.post("/token?code_verifier=x", data=form, auth=proof)
    twice = rp.http.post("/token", data={**form, "code": [code, code]}, auth=proof)
    as_json = rp.http.post("/token", json=form, auth=proof)
    by_get = rp.http.get("/token", query_string=form, auth=proof)

    assert [r.json["error"] for r in (in_url, twice, as_json)] == ["invalid_request"] * 3
    assert by_get.status_code == 405
    assert rp.exchange(code).status_code == 200
