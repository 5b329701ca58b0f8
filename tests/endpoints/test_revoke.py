"""`/revoke` as relying parties see it."""

import pytest
from sqlalchemy import select

from provider.audit.models import AuditEvent
from provider.infrastructure.database import db
from tests.factories import secret_of
from tests.support.browsers import query_of
from tests.support.reads import end_read
from tests.support.relying_party import RelyingParty, press


@pytest.fixture
def tokens(signed_in, rp):
    return rp.sign_in(signed_in)


def tags() -> list[str]:
    end_read()
    return list(db.session.scalars(select(AuditEvent.tag)))


@pytest.mark.spec("rfc7009 2, rfc7009 4")
def test_a_refresh_token_takes_its_family_along_and_the_session_lives(signed_in, rp, tokens):
    refreshed = rp.refresh(tokens["refresh_token"]).json
    other = rp.sign_in(signed_in)

    assert rp.revoke(refreshed["refresh_token"]).status_code == 200

    for token in (tokens["access_token"], refreshed["access_token"], refreshed["refresh_token"]):
        assert not rp.introspect(token)["active"]
    assert rp.refresh(refreshed["refresh_token"]).json["error"] == "invalid_grant"
    assert rp.introspect(other["access_token"])["active"]
    assert "code" in query_of(rp.authorize(signed_in, prompt="none"))
    assert "token_revoked" in tags()


def test_an_older_link_of_the_chain_does_the_same(rp, tokens):
    refreshed = rp.refresh(tokens["refresh_token"]).json

    rp.revoke(tokens["refresh_token"])

    assert not rp.introspect(refreshed["access_token"])["active"]


def test_an_access_token_is_revoked_alone(rp, tokens):
    assert rp.revoke(tokens["access_token"]).status_code == 200

    assert not rp.introspect(tokens["access_token"])["active"]
    assert rp.refresh(tokens["refresh_token"]).status_code == 200


def test_an_offline_grant_ends_with_its_refresh_token(signed_in, rp):
    tokens = offline_tokens(signed_in, rp)

    rp.revoke(tokens["refresh_token"])

    assert "grant_revoked" in tags()
    assert rp.sign_in(signed_in, scope="openid offline_access")["scope"] == "openid"


def offline_tokens(signed_in, rp):
    asked = rp.authorize(signed_in, scope="openid offline_access", prompt="consent")
    return rp.exchange(query_of(press(signed_in, asked, "allow"))["code"]).json


def test_an_offline_grant_lives_on_while_another_sign_in_in_the_same_browser_needs_it(signed_in, rp):
    """Two devices used one browser, or one device signed in again before it handed in its old token."""
    first, second = offline_tokens(signed_in, rp), offline_tokens(signed_in, rp)
    second = rp.refresh(second["refresh_token"]).json

    rp.revoke(first["refresh_token"])

    assert not rp.introspect(first["access_token"])["active"]
    assert rp.introspect(second["access_token"])["active"]
    assert "grant_revoked" not in tags()
    rp.revoke(second["refresh_token"])
    assert "grant_revoked" in tags()


@pytest.mark.spec("rfc7009 3")
def test_what_is_revoked_or_unknown_is_answered_alike(rp, tokens):
    for token in (tokens["access_token"], tokens["access_token"], "cfa_unknown", "cfr_unknown", "nonsense"):
        response = rp.revoke(token)
        assert (response.status_code, response.headers["Cache-Control"]) == (200, "no-store")

    assert tags().count("token_revoked") == 1


@pytest.mark.spec("rfc7009 1")
def test_another_clients_token_is_refused(app, rp, tokens):
    RelyingParty(app, "green")

    for token in (tokens["access_token"], tokens["refresh_token"]):
        assert rp.revoke(token, by="green").status_code == 400
        assert rp.introspect(token)["active"]


def test_a_public_client_revokes_its_own(app, signed_in):
    blue = RelyingParty(app, "blue", public=True)
    tokens = blue.sign_in(signed_in)

    assert blue.revoke(tokens["refresh_token"]).status_code == 200
    assert blue.userinfo(tokens["access_token"]).status_code == 401


def test_who_does_not_prove_itself_revokes_nothing(rp, tokens):
    form = {"token": tokens["access_token"]}

    assert rp.http.post("/revoke", data=form).status_code == 401
    assert rp.http.post("/revoke", data=form, auth=("red", "wrong")).status_code == 401
    assert rp.http.post("/revoke", data=form | {"client_id": "red"}).status_code == 401
    assert rp.introspect(tokens["access_token"])["active"]


def test_an_unknown_hint_is_ignored(rp, tokens):
    assert rp.revoke(tokens["access_token"], token_type_hint="nonsense").status_code == 200
    assert not rp.introspect(tokens["access_token"])["active"]


def test_without_a_token_the_request_is_wrong(rp):
    assert rp.http.post("/revoke", auth=("red", secret_of("red"))).json["error"] == "invalid_request"
