"""Signing in at the app: what it asks for and which responses it believes (core §3.1, rfc7636, rfc9207)."""

import time
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest

from tests.support.fake_provider import make_key


def asked_for(browser, path="/login"):
    url = browser.get(path).headers["Location"]
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


@pytest.mark.spec("rfc7636 1")
def test_the_request_has_pkce_state_and_nonce(ada):
    asked = asked_for(ada)

    assert asked["code_challenge_method"] == "S256"
    assert asked["response_type"] == "code"
    assert asked["redirect_uri"] == "http://localhost:8901/callback"
    assert len(asked["code_challenge"]) == 43
    assert asked["state"] != asked_for(ada)["state"]
    assert asked["nonce"] != asked_for(ada)["nonce"]


def test_wishes_are_passed_on(ada):
    asked = asked_for(
        ada, "/login?prompt=none&login_hint=ada&max_age=60&ui_locales=de&scope=openid+offline_access&other=1"
    )

    assert (asked["prompt"], asked["login_hint"], asked["max_age"], asked["ui_locales"]) == (
        "none",
        "ada",
        "60",
        "de",
    )
    assert asked["scope"] == "openid offline_access"
    assert "other" not in asked


def test_a_person_is_signed_in(ada, red):
    response = ada.sign_in()

    state = ada.state()
    assert response.headers["Location"] == "/"
    assert state["signed_in"]
    assert (state["sub"], state["sid"]) == ("ada", "sid-1")
    assert (state["name"], state["email"]) == ("Ada Lovelace", "ada@example.org")
    assert "Ada Lovelace" in ada.get("/").text
    assert red.events("rp_signed_in")[0]["sub"] == "ada"


def test_the_cookie_is_named_after_the_app_and_out_of_reach_of_scripts(ada):
    cookies = ada.sign_in().headers.getlist("Set-Cookie")

    assert [cookie.partition("=")[0] for cookie in cookies] == ["rp_red"]
    assert "HttpOnly" in cookies[0]
    assert "SameSite=Lax" in cookies[0]


def test_a_copy_of_the_databases_does_not_sign_in(ada, red):
    """The key that signs the cookies is in a file of its own, which other users may not read."""
    ada.sign_in()
    folder = red.rp.config.data_dir
    key = folder / "red.key"

    assert key.stat().st_mode & 0o077 == 0
    assert all(key.read_bytes() not in file.read_bytes() for file in folder.glob("*.sqlite3*"))


def test_a_session_survives_a_restart(ada, make_app, red):
    ada.sign_in()
    cookie = ada.http.get_cookie("rp_red", domain="localhost").value

    again = make_app().browser()
    again.http.set_cookie("rp_red", cookie, domain="localhost")

    assert again.state()["signed_in"]


def test_a_new_sign_in_replaces_the_old_session_of_the_browser(ada, red):
    ada.sign_in()
    ada.sign_in()

    assert ada.state()["signed_in"]
    assert red.events("rp_session_ended")[0]["reason"] == "replaced by a new sign-in"


def assert_refused(response, ada, detail):
    assert response.status_code == 400
    assert detail in response.text
    assert 'id="sign-in"' in response.text
    assert not ada.state()["signed_in"]


def test_a_state_this_browser_was_not_given_is_refused(ada, red, provider):
    stolen = red.browser().go_to_provider()

    assert_refused(ada.get(stolen), ada, "state_mismatch")
    assert provider.requests_to("/token") == []


def test_a_response_counts_once(ada):
    back = ada.go_to_provider()
    ada.get(back)

    again = ada.get(back)

    assert again.status_code == 400
    assert "state_mismatch" in again.text
    assert ada.state()["signed_in"]


@pytest.mark.spec("rfc9207 1, rfc9700 1")
def test_a_missing_iss_is_refused_when_promised(ada, provider):
    provider.send_iss = False

    assert_refused(ada.sign_in(), ada, "issuer_mismatch")
    assert provider.requests_to("/token") == []


@pytest.mark.spec("rfc9207 1, rfc9700 1")
def test_a_foreign_iss_is_refused(ada, provider):
    provider.response_iss = "http://evil.test"

    assert_refused(ada.sign_in(), ada, "issuer_mismatch")
    assert provider.requests_to("/token") == []


@pytest.mark.parametrize(
    ("error", "title"),
    [
        pytest.param("access_denied", "You did not sign in", id="the person said no"),
        pytest.param("login_required", "You are not signed in yet", id="prompt=none without a session"),
        pytest.param(
            "temporarily_unavailable", "The sign-in did not work", id="an error without words of its own"
        ),
    ],
)
def test_an_error_of_the_provider_becomes_a_friendly_page(ada, provider, error, title):
    provider.authorize_error = error

    response = ada.sign_in()

    assert_refused(response, ada, error)
    assert title in response.text


@pytest.mark.parametrize(
    "bend",
    [
        pytest.param(lambda c: {**c, "iss": "http://evil.test"}, id="another issuer"),
        pytest.param(lambda c: {**c, "aud": "green"}, id="another audience"),
        pytest.param(lambda c: {**c, "aud": ["red", "green"], "azp": "red"}, id="an audience with others"),
        pytest.param(lambda c: {**c, "azp": "green"}, id="another authorized party"),
        pytest.param(lambda c: {**c, "exp": int(time.time()) - 120}, id="expired"),
        pytest.param(lambda c: {**c, "iat": int(time.time()) + 600}, id="issued in the future"),
        pytest.param(lambda c: {**c, "nonce": "other"}, id="another nonce"),
        pytest.param(lambda c: {k: v for k, v in c.items() if k != "nonce"}, id="no nonce"),
        pytest.param(lambda c: {k: v for k, v in c.items() if k != "sub"}, id="no subject"),
        pytest.param(lambda c: {**c, "at_hash": "wrong"}, id="at_hash of another access token"),
    ],
)
@pytest.mark.spec("core §3.1.3.7")
def test_a_wrong_id_token_is_refused(ada, provider, bend):
    provider.bend_id_token = bend

    assert_refused(ada.sign_in(), ada, "invalid_id_token")


@pytest.mark.spec("core §3.1.3.7")
@pytest.mark.parametrize(
    "sign",
    [
        pytest.param(lambda c: jwt.encode(c, None, algorithm="none"), id="alg none"),
        pytest.param(
            lambda c: jwt.encode(c, "s" * 32, algorithm="HS256", headers={"kid": "first"}), id="HS256"
        ),
        pytest.param(
            lambda c: jwt.encode(c, make_key("foreign"), algorithm="RS256", headers={"kid": "first"}),
            id="foreign key",
        ),
        pytest.param(
            lambda c: jwt.encode(c, make_key("first"), algorithm="RS512", headers={"kid": "first"}),
            id="an algorithm that was not registered",
        ),
    ],
)
def test_a_wrongly_signed_id_token_is_refused(ada, provider, sign):
    provider.sign_id_token = sign

    assert_refused(ada.sign_in(), ada, "invalid_id_token")


@pytest.mark.spec("core §3.1.3.7")
def test_with_max_age_the_sign_in_must_be_recent(ada, provider):
    provider.bend_id_token = lambda claims: {**claims, "auth_time": int(time.time()) - 600}

    assert_refused(ada.sign_in("/login?max_age=60"), ada, "auth_time")
    assert_refused(ada.sign_in("/login?max_age=0"), ada, "auth_time")


@pytest.mark.spec("core 15")
def test_userinfo_of_another_person_is_refused(ada, provider):
    provider.userinfo_sub = "ben"

    assert_refused(ada.sign_in(), ada, "invalid_userinfo")


def test_a_rotated_key_is_fetched(ada, provider):
    ada.sign_in()
    provider.keys["second"] = make_key("second")
    provider.signing_kid = "second"

    ada.sign_in()

    assert ada.state()["signed_in"]
    assert len(provider.requests_to("/jwks")) == 2


@pytest.mark.spec("discovery 1")
def test_a_provider_that_calls_itself_otherwise_is_not_used(make_app, provider):
    browser = make_app(issuer=provider.issuer + "/").browser()

    assert browser.get("/login").status_code == 503


def test_the_provider_may_start_later_than_the_app(ada, provider):
    provider.is_down = True
    response = ada.get("/login")
    provider.is_down = False

    assert response.status_code == 503
    assert "The sign-in service is not available" in response.text
    ada.forget_provider()
    assert ada.sign_in().status_code == 302
    assert ada.state()["signed_in"]


@pytest.mark.parametrize(
    "path", ["/login?scope=email", "/login?max_age=soon", "/callback", "/callback?error=x"]
)
def test_a_request_that_makes_no_sense_gets_a_page(ada, path):
    assert ada.get(path).status_code == 400


@pytest.mark.parametrize("missing", ["access_token", "id_token"])
@pytest.mark.spec("core 11")
def test_an_incomplete_token_response_does_not_sign_in(ada, provider, missing):
    provider.bend_token_response = lambda response: {k: v for k, v in response.items() if k != missing}

    response = ada.sign_in()

    assert response.status_code == 400
    assert 'id="sign-in"' in response.text
    assert not ada.state()["signed_in"]
