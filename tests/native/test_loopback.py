"""The listener that waits for the browser takes one response, with the state of its own sign-in."""

import socket

import pytest
import requests

from relying_party_demo.native.loopback import Loopback, NoResponse
from tests.support.waiting import PATIENCE


@pytest.fixture
def loopback():
    with Loopback("the state") as listening:
        yield listening


def visit(loopback: Loopback, path: str, **headers: str) -> requests.Response:
    return requests.get(f"http://{loopback.authority}{path}", headers=headers, timeout=PATIENCE)


def test_it_takes_the_response_with_its_state_once(loopback):
    assert visit(loopback, "/callback?code=1&state=the+state&iss=i").status_code == 200
    again = visit(loopback, "/callback?code=2&state=the+state")

    assert again.status_code == 400
    assert loopback.wait(PATIENCE) == {"code": "1", "state": "the state", "iss": "i"}


def test_the_app_goes_on_only_when_the_page_is_written(loopback):
    assert loopback.take({"state": "the state"})

    with pytest.raises(NoResponse):
        loopback.wait(0)

    loopback.go_on()
    assert loopback.wait(0) == {"state": "the state"}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        pytest.param("/favicon.ico", 404, id="an icon"),
        pytest.param("/callback", 400, id="no state"),
        pytest.param("/callback?code=1&state=another", 400, id="another state"),
        pytest.param("/callback?code=1&state=caf%C3%A9", 400, id="a state of other letters"),
        pytest.param("/callback?code=1&code=2&state=the+state", 400, id="a parameter twice"),
        pytest.param(f"/callback?code={'1' * 9000}&state=the+state", 400, id="an endless query"),
    ],
)
def test_it_goes_on_waiting_after_anything_else(loopback, path, status):
    assert visit(loopback, path).status_code == status

    with pytest.raises(NoResponse):
        loopback.wait(0)
    visit(loopback, "/callback?code=1&state=the+state")
    assert loopback.wait(PATIENCE)["code"] == "1"


def test_a_page_that_leads_its_own_name_here_is_not_answered(loopback):
    response = visit(loopback, "/callback?code=1&state=the+state", Host="evil.example")

    assert response.status_code == 400
    with pytest.raises(NoResponse):
        loopback.wait(0)


def test_a_connection_that_says_nothing_keeps_nothing_waiting(loopback):
    host, port = loopback.authority.split(":")
    with socket.create_connection((host, int(port))):
        visit(loopback, "/callback?code=1&state=the+state")

    assert loopback.wait(PATIENCE)["code"] == "1"


def test_its_page_runs_nothing_and_is_not_kept(loopback):
    page = visit(loopback, "/callback?error=access_denied&state=the+state")

    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert "You did not sign in" in page.text


def test_it_listens_on_this_machine_alone(loopback):
    assert loopback.redirect_uri.startswith("http://127.0.0.1:")
