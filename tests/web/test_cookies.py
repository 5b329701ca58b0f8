"""Our cookies: bound to this host, invisible to scripts, never two of one name."""

from dataclasses import replace

import pytest

from provider.app import create_app
from provider.web import cookies

HANDLE = "h" * 43

pytestmark = pytest.mark.usefixtures("failing")


def test_the_session_cookie_is_kept_from_scripts_and_other_sites(http):
    cookie = http.get(f"/keep/{HANDLE}").headers["Set-Cookie"]

    assert cookie == f"curfew_session={HANDLE}; HttpOnly; Path=/; SameSite=Lax"


def test_on_https_the_cookies_are_locked_to_this_host(settings):
    app = create_app(replace(settings, issuer="https://id.test"))
    app.add_url_rule("/bind", "bind", cookies.bind_browser)

    cookie = app.test_client().get("/bind").headers["Set-Cookie"]

    assert cookie.startswith("__Host-curfew_browser=")
    assert "; Secure; HttpOnly; Path=/; SameSite=Lax" in cookie
    assert "Domain" not in cookie


def test_a_forgotten_session_is_taken_from_the_browser(http):
    http.set_cookie("curfew_session", HANDLE)

    http.get("/forget")

    assert http.get_cookie("curfew_session") is None


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(f"curfew_session={HANDLE}; curfew_session=planted", id="ours first"),
        pytest.param(f"curfew_session=planted; other=1;curfew_session ={HANDLE}", id="with a space"),
    ],
)
def test_two_cookies_of_our_name_are_refused(failing, sent):
    response = failing.test_client(use_cookies=False).get("/session", headers={"Cookie": sent})

    assert response.status_code == 400


@pytest.mark.parametrize("value", ["short", "h" * 44, "h" * 42 + "!", ""])
def test_what_is_no_handle_of_ours_is_no_cookie(http, value):
    http.set_cookie("curfew_session", value)

    assert http.get("/session").json == {"handle": None}
