"""The page of `curfew dev`: each button does what the API does."""

import pytest

from demo.browser import Browser as PageBrowser
from tests.dev.conftest import Browser, delivered

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("curfew dev")]


@pytest.fixture
def press(dev):
    """Presses a button of the page as it is now; returns the heading that the response has."""

    def press(button, **entries):
        browser = PageBrowser()
        browser.open(f"{dev.issuer}/dev")
        browser.press(button, **entries)
        return browser.where

    return press


@pytest.fixture
def browser(dev, person):
    return Browser(dev, person)


def state_of(dev, person):
    [session] = dev.get(f"/sessions?username={person}")["sessions"]
    return session["is_live"], [app["ended_at"] is None for app in session["apps"]]


def test_a_session_ends(dev, person, browser, rp, press):
    browser.sign_in(rp)

    assert "200 Development provider" in press(f"end-session-{browser.session['id']}")

    assert state_of(dev, person) == (False, [False])
    delivered(dev, rp)


def test_an_app_session_ends(dev, person, browser, rp, press):
    browser.sign_in(rp)
    [app] = dev.get(f"/sessions?username={person}")["sessions"][0]["apps"]

    press(f"end-app-{app['sid']}")

    assert state_of(dev, person) == (True, [False])


def test_a_person_is_signed_out_everywhere(dev, person, browser, press):
    press(f"end-person-{person}")

    assert state_of(dev, person) == (False, [])


def test_the_clock_is_turned(dev, person, browser, press):
    press("forward", **{"forward-by": "25h"})

    assert state_of(dev, person) == (False, [])


def test_an_app_is_notified_elsewhere(dev, rp, press):
    press(f"save-{rp.client_id}", **{f"uri-{rp.client_id}": "http://127.0.0.1:4711/out"})

    [client] = [one for one in dev.get("/clients")["clients"] if one["client_id"] == rp.client_id]
    assert client["backchannel_logout_uri"] == "http://127.0.0.1:4711/out"


def test_faults_wait_until_they_are_cleared(dev, rp, press):
    press("fault-bad", **{"client-id": rp.client_id, "times": "2", "token": "wrong iss"})
    waiting = dev.get("/deliveries/faults")["faults"]
    press("clear")

    assert [(one["kind"], one["times"], one["token"]) for one in waiting] == [("bad", 2, "wrong iss")]
    assert dev.get("/deliveries/faults")["faults"] == []


@pytest.mark.parametrize(
    ("button", "entries"),
    [
        pytest.param("forward", {"forward-by": "soon"}, id="no span"),
        pytest.param("fault-late", {"seconds": "many"}, id="no number"),
        pytest.param("fault-off", {"client-id": "none"}, id="no such app"),
        pytest.param("save-dev-app", {"uri-dev-app": "nowhere"}, id="no address"),
    ],
)
def test_what_is_wrong_is_said_on_a_page(dev, press, button, entries):
    assert "(40" in press(button, **entries)
    assert dev.get("/deliveries/faults")["faults"] == []
