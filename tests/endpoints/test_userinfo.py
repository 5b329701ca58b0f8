"""`/userinfo` as relying parties see it."""

import pytest

from provider.keys import jwt
from tests.factories import make_account, make_session
from tests.support.browsers import ISSUER, query_of, show_session
from tests.support.relying_party import RelyingParty


@pytest.fixture
def tokens(signed_in, rp):
    return rp.sign_in(signed_in)


def bearer(tokens) -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens['access_token']}"}


@pytest.mark.spec("core 15")
@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(lambda http, tokens: http.get("/userinfo", headers=bearer(tokens)), id="GET, header"),
        pytest.param(lambda http, tokens: http.post("/userinfo", headers=bearer(tokens)), id="POST, header"),
        pytest.param(
            lambda http, tokens: http.post("/userinfo", data={"access_token": tokens["access_token"]}),
            id="POST, form",
        ),
        pytest.param(
            lambda http, tokens: http.get(
                "/userinfo", headers={"Authorization": f"bearer {tokens['access_token']}"}
            ),
            id="the scheme's name in small letters",
        ),
    ],
)
def test_a_token_tells_who_the_person_is(rp, ada, tokens, ask):
    response = ask(rp.http, tokens)

    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"
    assert response.json == {
        "sub": ada.sub,
        "name": "Ada",
        "email": "ada@example.test",
        "preferred_username": "ada",
        "updated_at": int(ada.updated_at.timestamp()),
    }


@pytest.mark.spec("core 16")
@pytest.mark.parametrize(
    ("scope", "claims"),
    [
        pytest.param("openid", set(), id="openid alone tells only who"),
        pytest.param("openid email", {"email", "email_verified"}, id="email"),
        pytest.param("openid phone", {"phone_number"}, id="phone"),
        pytest.param("openid address", {"address"}, id="address"),
        pytest.param(
            "openid profile", {"name", "nickname", "preferred_username", "updated_at"}, id="profile"
        ),
    ],
)
def test_scopes_decide_what_is_given(http, rp, scope, claims):
    known = {"email_verified": True, "phone_number": "+49 1", "address": {"country": "DE"}, "nickname": "A"}
    show_session(http, make_session(make_account("ben", **known)))

    body = rp.userinfo(rp.sign_in(http, scope=scope)["access_token"]).json

    assert set(body) - {"sub"} == claims


def test_it_costs_at_most_three_statements(rp, tokens, statements):
    with statements() as seen:
        rp.userinfo(tokens["access_token"])

    assert len(seen) <= 3, seen


@pytest.mark.spec("rfc6750 §3")
@pytest.mark.parametrize(
    ("ask", "status", "error"),
    [
        pytest.param(lambda http, tokens: http.get("/userinfo"), 401, None, id="no token: no error code"),
        pytest.param(
            lambda http, tokens: http.get("/userinfo", headers={"Authorization": "Bearer cfa_x"}),
            401,
            "invalid_token",
            id="an unknown token",
        ),
        pytest.param(
            lambda http, tokens: http.get(
                "/userinfo", headers={"Authorization": f"Bearer {tokens['refresh_token']}"}
            ),
            401,
            "invalid_token",
            id="a refresh token",
        ),
        pytest.param(
            lambda http, tokens: http.get(
                "/userinfo", headers={"Authorization": f"Bearer {tokens['id_token']}"}
            ),
            401,
            "invalid_token",
            id="an ID Token",
        ),
        pytest.param(
            lambda http, tokens: http.get("/userinfo", query_string={"access_token": tokens["access_token"]}),
            400,
            "invalid_request",
            id="a token in the URL",
        ),
        pytest.param(
            lambda http, tokens: http.post(
                "/userinfo", headers=bearer(tokens), data={"access_token": tokens["access_token"]}
            ),
            400,
            "invalid_request",
            id="a token sent in two ways",
        ),
    ],
)
def test_what_is_refused(rp, tokens, ask, status, error):
    response = ask(rp.http, tokens)

    assert response.status_code == status
    if status == 401:
        challenge = response.headers["WWW-Authenticate"]
        assert challenge.startswith("Bearer ")
        assert ("error=" in challenge) == (error is not None)
    if error:
        assert response.json["error"] == error


@pytest.mark.spec("rfc6750 §3.1")
def test_a_token_for_something_else_is_not_enough(signed_in, rp):
    response = rp.userinfo(rp.sign_in(signed_in, scope="email")["access_token"])

    assert (response.status_code, response.json["error"]) == (403, "insufficient_scope")
    assert 'scope="openid"' in response.headers["WWW-Authenticate"]


@pytest.mark.spec("core 15")
@pytest.mark.parametrize("alg", ["RS256", "ES256", "EdDSA"])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_client_may_have_its_response_signed(app, http, signed_in, ada, alg):
    green = RelyingParty(app, "green", userinfo_signed_response_alg=alg)
    tokens = green.sign_in(signed_in)

    response = green.userinfo(tokens["access_token"])

    said = jwt.verify_own(
        jwt.UnverifiedJWT(response.get_data(as_text=True)),
        typ=frozenset({"JWT"}),
        audience="green",
        require=("sub",),
    )
    assert response.mimetype == "application/jwt"
    assert response.headers["Cache-Control"] == "no-store"
    assert (said["iss"], said["sub"], said["email"]) == (ISSUER, ada.sub, "ada@example.test")


@pytest.mark.spec("SEC-905")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_signed_response_is_no_hint_and_ends_nothing(app, http, signed_in):
    green = RelyingParty(app, "green", userinfo_signed_response_alg="RS256")
    signed = green.userinfo(green.sign_in(signed_in)["access_token"]).get_data(as_text=True)

    assert query_of(green.authorize(signed_in, id_token_hint=signed))["error"] == "invalid_request"
    asked = signed_in.get("/session/end", query_string={"id_token_hint": signed})

    assert "/session/end/confirm" in asked.headers["Location"]
    assert "code" in query_of(green.authorize(signed_in, prompt="none"))
