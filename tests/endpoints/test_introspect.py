"""`/introspect` as resource servers see it."""

from datetime import timedelta

import pytest

from tests.factories import secret_of
from tests.support.browsers import ISSUER
from tests.support.relying_party import RelyingParty


@pytest.fixture
def tokens(signed_in, rp):
    return rp.sign_in(signed_in)


@pytest.mark.spec("rfc7662 §2.2")
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
        "scope": "openid profile email",
        "token_type": "Bearer",
        "amr": ["pwd"],
    }


def test_it_costs_at_most_two_statements(rp, tokens, statements):
    for token in (tokens["access_token"], tokens["refresh_token"], "cfa_unknown"):
        with statements() as seen:
            rp.introspect(token)

        assert len(seen) <= 2, seen


@pytest.mark.spec("rfc7662 §2.2")
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


def test_a_token_is_active_until_its_end(rp, tokens, turned_clock):
    turned_clock.turn(timedelta(minutes=59))
    assert rp.introspect(tokens["access_token"])["active"]
    turned_clock.turn(timedelta(minutes=2))

    assert rp.introspect(tokens["access_token"]) == {"active": False}


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


@pytest.mark.spec("rfc7662 §2.3")
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
