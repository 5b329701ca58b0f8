"""The API of `curfew dev`: logouts on demand, time that passes, deliveries that go wrong."""

from datetime import datetime, timedelta

import jwt
import pytest

from provider.dev.bad_tokens import BAD_TOKENS
from tests.dev.conftest import Browser, delivered
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("curfew dev")]


def claims_of(token):
    return jwt.decode(token, options={"verify_signature": False})


@pytest.fixture
def browser(dev, person):
    return Browser(dev, person)


@pytest.fixture
def sid(browser, rp):
    return claims_of(browser.sign_in(rp)["id_token"])["sid"]


@pytest.mark.parametrize("name", ["the id", "a sid"])
def test_a_session_ends_by_its_id_and_by_any_sid(dev, browser, rp, sid, name):
    ended = dev.post(f"/sessions/{sid if name == 'a sid' else browser.session['id']}/end")

    assert (ended["sessions_ended"], ended["notifications"]) == (1, 1)
    delivered(dev, rp)
    assert [claims_of(token)["sid"] for token in rp.tokens] == [sid]
    # Ending it again ends nothing.
    assert dev.post(f"/sessions/{sid}/end")["sessions_ended"] == 0


def test_an_app_session_ends_alone(dev, browser, rp, sid):
    assert dev.post(f"/app-sessions/{sid}/end")["client_sessions_ended"] == 1

    delivered(dev, rp)
    [session] = dev.get(f"/sessions?username={browser.session['username']}")["sessions"]
    assert session["is_live"]
    assert session["apps"][0]["ended_at"] is not None


def test_a_person_is_signed_out_everywhere(dev, person, browser, rp):
    browser.sign_in(rp)
    Browser(dev, person).sign_in(rp)

    assert dev.post(f"/people/{person}/end")["sessions_ended"] == 2

    assert len(delivered(dev, rp)) == 2


def test_a_grant_ends(dev, person, browser, rp):
    browser.sign_in(rp)
    [grant] = [one for one in dev.get("/grants")["grants"] if one["username"] == person]

    assert dev.post(f"/grants/{grant['id']}/end")["grants_revoked"] == 1

    delivered(dev, rp)


def test_sessions_expire_when_the_clock_is_turned(dev, person, browser, rp, sid):
    response = dev.post("/clock", {"forward": "2h"})

    assert response["forward_seconds"] == 7200
    [session] = dev.get(f"/sessions?username={person}")["sessions"]
    assert (session["is_live"], session["ended_at"] is None) == (False, False)
    delivered(dev, rp)
    # The machine's own clock is not turned, so the app accepts it.
    claims = claims_of(rp.tokens[0])
    assert claims["sid"] == sid
    assert Browser(dev, person).sign_in(rp)["id_token"]


def test_a_refused_delivery_is_due_when_the_clock_is_turned(dev, rp, sid):
    rp.statuses = [503]
    dev.post(f"/sessions/{sid}/end")
    delivered(dev, rp, "pending")

    dev.post("/clock", {"forward": 600})

    [delivery] = delivered(dev, rp)
    assert [attempt["status"] for attempt in delivery["attempts"]] == [503, 200]


def test_deliveries_are_doubled(dev, rp, sid):
    dev.post("/deliveries/faults", {"fault": "doubled", "client_id": rp.client_id, "times": 1})

    dev.post(f"/sessions/{sid}/end")

    delivered(dev, rp)
    assert len(rp.tokens) == 2
    assert rp.tokens[0] == rp.tokens[1]
    assert dev.get("/deliveries/faults")["faults"] == []


def test_deliveries_are_late(dev, rp, sid):
    dev.post("/deliveries/faults", {"fault": "late", "client_id": rp.client_id, "times": 1, "seconds": 0.3})

    dev.post(f"/sessions/{sid}/end")

    [delivery] = delivered(dev, rp)
    [played] = [one for one in dev.get("/deliveries/faults")["played"] if one["client_id"] == rp.client_id]
    late = datetime.fromisoformat(played["at"]) - datetime.fromisoformat(delivery["created_at"])
    assert late >= timedelta(seconds=0.3)
    assert len(rp.tokens) == 1


def test_deliveries_are_off_until_they_are_on_again(dev, rp, sid):
    dev.post("/deliveries/faults", {"fault": "off", "client_id": rp.client_id})
    dev.post(f"/sessions/{sid}/end")
    [delivery] = delivered(dev, rp, "pending")
    assert rp.tokens == []

    dev.call("DELETE", "/deliveries/faults", {"client_id": rp.client_id})

    assert delivered(dev, rp)[0]["id"] == delivery["id"]


def test_bad_tokens_come_first_and_the_good_one_follows(dev, rp, sid):
    for kind in BAD_TOKENS:
        dev.post("/deliveries/faults", {"fault": "bad", "token": kind, "client_id": rp.client_id, "times": 1})
    dev.post(f"/sessions/{sid}/end")

    # The app accepts each bad one, which for the ledger is a refusal.
    for number, _ in enumerate(BAD_TOKENS, start=1):
        wait_until(lambda number=number: attempts_at(dev, rp) >= number)
        dev.post("/deliveries/retry", {"client_id": rp.client_id})

    delivered(dev, rp)
    *bad, good = rp.tokens
    key = jwt.PyJWKClient(f"{dev.issuer}/jwks").get_signing_key_from_jwt(good)
    verified = jwt.decode(good, key, algorithms=["RS256"], audience=rp.client_id)
    assert verified["sid"] == sid
    assert len({good, *bad}) == len(BAD_TOKENS) + 1
    played = [one for one in dev.get("/deliveries/faults")["played"] if one["client_id"] == rp.client_id]
    assert [(one["token"], one["status"]) for one in reversed(played)] == [(kind, 200) for kind in BAD_TOKENS]


def attempts_at(dev, rp):
    """Return the number of attempts that have ended."""
    [delivery] = dev.get(f"/deliveries?client_id={rp.client_id}")["deliveries"]
    return sum(one["outcome"] is not None for one in delivery["attempts"])


def test_a_logout_token_is_signed_on_demand(dev, rp):
    asked = {"client_id": rp.client_id, "claims": {"sid": "s", "exp": None, "nonce": 1}, "typ": "JWT"}

    token = dev.post("/logout-tokens", asked)["logout_token"]

    assert jwt.get_unverified_header(token)["typ"] == "JWT"
    claims = claims_of(token)
    assert (claims["sid"], claims["nonce"], "exp" in claims, claims["aud"]) == ("s", 1, False, rp.client_id)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        pytest.param("POST", "/people", {"name": "x"}, 400, id="an unknown member"),
        pytest.param("POST", "/people", {"username": 7}, 400, id="a wrong type"),
        pytest.param("POST", "/people", {"username": "ada"}, 400, id="a taken name"),
        pytest.param("POST", "/people", {"password": "short"}, 400, id="a short password"),
        pytest.param("POST", "/people", ["ada"], 400, id="no object"),
        pytest.param("POST", "/people/nobody/end", {}, 404, id="an unknown person"),
        pytest.param("POST", "/clients", {"redirect_uris": ["javascript:1"]}, 400, id="a bad address"),
        pytest.param("POST", "/clients", {"client_id": "dev-app"}, 400, id="a taken id"),
        pytest.param("PATCH", "/clients/none", {}, 404, id="an unknown client"),
        pytest.param("PATCH", "/clients/dev-app", {"backchannel_logout_uri": "x"}, 400, id="no URI"),
        pytest.param("POST", "/sessions", {}, 400, id="no person"),
        pytest.param("POST", "/sessions/none/end", {}, 404, id="an unknown session"),
        pytest.param("POST", "/app-sessions/none/end", {}, 404, id="an unknown sid"),
        pytest.param("POST", "/clock", {"forward": "soon"}, 400, id="no span"),
        pytest.param("POST", "/clock", {"forward": -5}, 400, id="back in time"),
        pytest.param("POST", "/clock", {"forward": True}, 400, id="no number"),
        pytest.param("POST", "/deliveries/faults", {"fault": "slow"}, 400, id="an unknown fault"),
        pytest.param("POST", "/deliveries/faults", {"fault": "bad"}, 400, id="a bad token of no kind"),
        pytest.param("POST", "/deliveries/faults", {"fault": "late", "seconds": 60}, 400, id="too late"),
        pytest.param("POST", "/deliveries/faults", {"fault": "off", "times": -1}, 400, id="a negative count"),
        pytest.param("POST", "/deliveries/faults", {"fault": "off", "client_id": "x"}, 404, id="no such app"),
        pytest.param("POST", "/logout-tokens", {"client_id": "dev-app", "typ": 1}, 400, id="no typ"),
        pytest.param("GET", "/nothing", None, 404, id="an unknown address"),
        pytest.param("GET", "/clock", None, 405, id="a wrong method"),
    ],
)
def test_bad_input_is_said_in_json_and_changes_nothing(dev, method, path, body, status):
    response = dev.call(method, path, body)

    assert (response.status_code, response.headers["Content-Type"]) == (status, "application/json")
    assert response.json()["error"] in {"invalid_request", "not_found", "method_not_allowed"}
    assert dev.get("/deliveries/faults")["faults"] == []
