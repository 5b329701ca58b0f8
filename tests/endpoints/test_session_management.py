"""Session Management 1.0, where the setting offers it: session_state, the OP iframe and its cookie."""

import hashlib
import re
from dataclasses import replace

import pytest

from provider.protocol.session_state import session_state
from tests.factories import make_account, make_session
from tests.support.browsers import ISSUER, Page, follow, query_of, show_session
from tests.support.relying_party import type_password

STATE_COOKIE = "curfew_op_state"
DISCOVERY = "/.well-known/openid-configuration"


@pytest.fixture
def offered():
    return True


@pytest.fixture
def issuer():
    return ISSUER


@pytest.fixture
def settings(settings, offered, issuer):
    return replace(settings, session_management=offered, issuer=issuer)


def state_of(browser) -> str | None:
    cookie = browser.get_cookie(STATE_COOKIE)
    return cookie and cookie.value


def is_unchanged(browser, shown: str, client_id: str, origin: str) -> bool:
    """Return whether the OP iframe would find the session unchanged in this browser."""
    hashed, _, salt = shown.partition(".")
    salted = f"{client_id} {origin} {state_of(browser)} {salt}"
    return hashlib.sha256(salted.encode()).hexdigest() == hashed


@pytest.mark.spec("session 2")
def test_a_response_carries_the_session_state_of_this_app_in_this_browser(signed_in, rp):
    shown = query_of(rp.authorize(signed_in))["session_state"]

    assert is_unchanged(signed_in, shown, "red", "https://red.test")
    assert not is_unchanged(signed_in, shown, "red", "https://green.test")
    assert not is_unchanged(signed_in, shown, "green", "https://red.test")
    assert " " not in shown


@pytest.mark.spec("session 2")
def test_an_unsuccessful_response_carries_one_too_and_never_the_same(http, rp):
    responses = [query_of(rp.authorize(http, prompt="none")) for _ in range(2)]

    assert [response["error"] for response in responses] == ["login_required"] * 2
    assert all(
        is_unchanged(http, response["session_state"], "red", "https://red.test") for response in responses
    )
    assert responses[0]["session_state"] != responses[1]["session_state"]


@pytest.mark.spec("session 3")
def test_a_second_response_has_another_salt_and_the_first_is_still_right(signed_in, rp):
    first, second = (query_of(rp.authorize(signed_in))["session_state"] for _ in range(2))

    assert first != second
    assert is_unchanged(signed_in, first, "red", "https://red.test")


@pytest.mark.spec("session 3")
def test_sign_in_sign_out_and_another_person_change_the_state(http, rp):
    make_account("ada"), make_account("ben")
    states = [state_of(http)]

    first = type_password(http, rp.authorize(http))
    states.append(state_of(http))
    type_password(http, rp.authorize(http, prompt="login"), username="ben")
    states.append(state_of(http))
    Page(http, follow(http, http.get("/session/end"))).press("sign-out")
    states.append(state_of(http))

    assert len(set(states)) == 4
    assert not is_unchanged(http, query_of(first)["session_state"], "red", "https://red.test")


def test_looking_changes_nothing(signed_in, rp):
    rp.authorize(signed_in)
    before = state_of(signed_in)

    for path in ("/", "/session/end", "/session/check", DISCOVERY, "/nowhere"):
        signed_in.get(path)
    rp.authorize(signed_in, prompt="none")

    assert state_of(signed_in) == before


def test_the_cookie_is_read_by_scripts_and_proves_nothing(http, ada, rp):
    made = make_session(ada)
    response = rp.authorize(show_session(http, made))

    cookie = next(c for c in response.headers.getlist("Set-Cookie") if c.startswith(STATE_COOKIE))
    assert re.fullmatch(rf"{STATE_COOKIE}=[\w-]{{43}}; Path=/; SameSite=Lax", cookie)
    assert made.handle not in cookie
    thief = http.application.test_client()
    thief.set_cookie(STATE_COOKIE, state_of(http))
    thief.set_cookie("curfew_session", state_of(http))
    assert query_of(rp.authorize(thief, prompt="none"))["error"] == "login_required"


@pytest.mark.parametrize("issuer", ["https://id.test"])
def test_on_https_the_cookie_reaches_the_frame_in_another_site(http, rp, issuer):
    response = rp.authorize(http, prompt="none")

    cookie = next(c for c in response.headers.getlist("Set-Cookie") if STATE_COOKIE in c)
    assert cookie.startswith(f"__Host-{STATE_COOKIE}=")
    assert cookie.endswith("; Secure; Path=/; SameSite=None")
    assert "HttpOnly" not in cookie


@pytest.mark.parametrize("planted", ["", "short", "a b" * 14 + "a", "é" * 43])
def test_a_planted_state_is_replaced(signed_in, rp, planted):
    signed_in.set_cookie(STATE_COOKIE, planted)

    shown = query_of(rp.authorize(signed_in))["session_state"]

    assert state_of(signed_in) != planted
    assert is_unchanged(signed_in, shown, "red", "https://red.test")


@pytest.mark.spec("session 1")
def test_the_metadata_names_the_iframe(http):
    assert http.get(DISCOVERY).json["check_session_iframe"] == f"{ISSUER}/session/check"


def test_the_iframe_is_the_one_page_that_may_be_framed(http):
    frame = http.get("/session/check")

    policy = frame.headers["Content-Security-Policy"].split("; ")
    assert frame.status_code == 200
    assert "frame-ancestors *" in policy
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "X-Frame-Options" not in frame.headers
    assert http.get("/").headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in http.get("/").headers["Content-Security-Policy"]


def test_the_iframe_is_the_same_for_all_and_asks_no_database(http, statements):
    with statements() as seen:
        frame = http.get("/session/check")

    assert seen == []
    assert frame.headers["Cache-Control"] == "public, max-age=300"
    assert f'data-cookie="{STATE_COOKIE}"' in frame.get_data(as_text=True)
    assert "Set-Cookie" not in frame.headers


@pytest.mark.parametrize("offered", [False])
def test_without_the_setting_nothing_of_it_is_there(http, rp, offered):
    make_account("ada")

    params = query_of(type_password(http, rp.authorize(http)))
    refused = query_of(rp.authorize(http, prompt="none", scope="openid address", nonce="n", max_age="-1"))

    assert "code" in params
    assert "error" in refused
    assert "session_state" not in params | refused
    assert state_of(http) is None
    assert http.get("/session/check").status_code == 404
    assert "check_session_iframe" not in http.get(DISCOVERY).json


@pytest.mark.parametrize(
    ("redirect_uri", "origin"),
    [
        pytest.param("https://red.test/callback", "https://red.test", id="a web app"),
        pytest.param("https://red.test:443/cb?x=1", "https://red.test", id="the scheme's own port"),
        pytest.param("https://red.test:8443/cb", "https://red.test:8443", id="a port of its own"),
        pytest.param("http://127.0.0.1:8901/cb", "http://127.0.0.1:8901", id="an app on this machine"),
        pytest.param("http://localhost/cb", "http://localhost", id="without a port"),
    ],
)
def test_the_origin_is_written_as_browsers_write_it(redirect_uri, origin):
    expected = hashlib.sha256(f"red {origin} state salt".encode()).hexdigest() + ".salt"

    assert session_state("red", redirect_uri, browser_state="state", salt="salt") == expected


def test_an_app_without_an_origin_has_no_session_state():
    assert session_state("red", "com.example.app:/cb", browser_state="state", salt="salt") is None
