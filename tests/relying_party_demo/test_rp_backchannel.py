"""The back-channel endpoint as an endpoint: forms, sizes, keys that cannot be had, and the switch."""

import threading
import time

import pytest

from relying_party_demo.behaviour import Behaviour, Mode
from tests.support.fake_provider import make_key
from tests.support.waiting import PATIENCE, wait_until


def post(red, **options):
    return red.flask.test_client().post("/backchannel-logout", **options)


@pytest.mark.spec("backchannel §2.8")
@pytest.mark.parametrize(
    ("options", "step"),
    [
        pytest.param({"data": {"other": "x"}}, "token_missing", id="a form without token"),
        pytest.param({"data": {"logout_token": ""}}, "token_missing", id="an empty token"),
        pytest.param({"data": {"logout_token": ["a", "b"]}}, "token_missing", id="two tokens"),
        pytest.param({"query_string": {"logout_token": "a"}}, "not_a_form", id="a token in the query"),
        pytest.param({"json": {"logout_token": "a"}}, "not_a_form", id="a JSON body"),
        pytest.param({"data": {"logout_token": "a" * 20_000}}, "body_too_large", id="a body over the limit"),
        pytest.param({"data": {"x": "a" * 2_000_000}}, "body_too_large", id="a body far over the limit"),
    ],
)
def test_a_request_in_the_wrong_form_is_refused(red, options, step):
    response = post(red, **options)

    assert (response.status_code, response.headers["Cache-Control"]) == (400, "no-store")
    assert response.json["error_description"].startswith(step)


@pytest.mark.parametrize("method", ["get", "put", "delete"])
def test_only_post_is_answered(red, method):
    assert getattr(red.flask.test_client(), method)("/backchannel-logout").status_code == 405


def test_the_provider_needs_no_origin_of_ours(red, provider):
    response = post(
        red, data={"logout_token": provider.logout_token()}, headers={"Origin": "http://other.test"}
    )

    assert response.status_code == 200


def test_without_keys_the_token_is_not_judged_and_may_come_again(red, provider):
    token = provider.logout_token()
    provider.is_down = True
    response = red.tell(token)
    provider.is_down = False
    red.browser().forget_provider()

    assert (response.status_code, response.headers["Cache-Control"]) == (503, "no-store")
    assert red.events("rp_logout_token")[0]["verdict"] == "cannot tell"
    assert red.tell(token).status_code == 200


def test_a_rotated_key_is_fetched_once_it_signs(red, provider):
    red.tell(provider.logout_token())
    provider.keys["second"], provider.signing_kid = make_key("second"), "second"

    assert red.tell(provider.logout_token()).status_code == 200


def test_invented_kids_do_not_make_us_hammer_the_provider(red, provider):
    red.tell(provider.logout_token())
    body = provider.logout_claims()
    forged = [provider.sign(body, typ="logout+jwt", kid=f"invented-{number}") for number in range(5)]

    statuses = [red.tell(token).status_code for token in forged]

    assert statuses == [400, 400, 400, 503, 503]
    assert len(provider.requests_to("/jwks")) == 4


def test_of_two_equal_tokens_at_once_one_counts(red, provider):
    token, statuses = provider.logout_token(), []
    threads = [
        threading.Thread(target=lambda: statuses.append(red.tell(token).status_code)) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(statuses) == [200, 400, 400, 400]


def test_the_latency_since_the_token_was_minted_is_reported(red, provider):
    red.tell(provider.logout_token(iat=int(time.time()) - 5))

    assert 5 <= red.events("rp_logout_token")[0]["latency_seconds"] < 60


def turn(browser, mode, seconds=0):
    return browser.post("/api/behaviour", json={"mode": mode, "seconds": seconds})


def test_a_failing_app_answers_503_and_looks_at_no_token(red, ada, provider):
    ada.sign_in()
    turn(ada, "failing")
    token = provider.logout_token()

    response = red.tell(token)

    assert response.status_code == 503
    assert ada.state()["signed_in"]
    assert red.events("rp_logout_token")[0]["verdict"] == "ignored"
    turn(ada, "normal")
    assert red.tell(token).status_code == 200


def test_a_slow_app_answers_rightly_after_a_while(red, ada, provider):
    ada.sign_in()
    turn(ada, "slow", 0.2)
    started = time.monotonic()

    response = red.tell(provider.logout_token())

    assert response.status_code == 200
    assert time.monotonic() - started >= 0.2
    assert not ada.state()["signed_in"]


def test_a_silent_app_holds_the_request_until_the_switch_is_turned(red, ada, provider):
    ada.sign_in()
    turn(ada, "silent")
    statuses = []
    thread = threading.Thread(target=lambda: statuses.append(red.tell(provider.logout_token()).status_code))
    thread.start()
    wait_until(lambda: red.rp.behaviour._held == 1)
    assert statuses == []

    turn(ada, "normal")
    thread.join(timeout=PATIENCE)

    assert statuses == [503]
    assert ada.state()["signed_in"]


def test_a_silent_app_does_not_hold_more_than_it_has_threads_for():
    behaviour = Behaviour()
    behaviour.turn(Mode.SILENT, 0)
    threads = [threading.Thread(target=behaviour.lets_answer) for _ in range(8)]
    for thread in threads:
        thread.start()
    wait_until(lambda: behaviour._held == 8)

    assert not behaviour.lets_answer()

    behaviour.turn(Mode.NORMAL, 0)
    for thread in threads:
        thread.join(timeout=PATIENCE)
    assert behaviour.lets_answer()


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"mode": "asleep"}, id="an unknown mode"),
        pytest.param({}, id="no mode"),
        pytest.param({"mode": "slow", "seconds": "many"}, id="seconds that are a word"),
        pytest.param({"mode": "slow", "seconds": "nan"}, id="seconds that are not a number"),
        pytest.param(["slow"], id="no object"),
    ],
)
def test_a_wrong_position_of_the_switch_is_refused(ada, body):
    response = ada.post("/api/behaviour", json=body)

    assert response.status_code == 400
    assert ada.state()["behaviour"] == {"mode": "normal", "seconds": 0.0}


def test_the_switch_is_on_the_page_too(ada):
    response = ada.post("/behaviour", data={"mode": "slow", "seconds": "7"})

    assert response.status_code == 303
    assert ada.state()["behaviour"] == {"mode": "slow", "seconds": 7.0}
    assert ada.post("/behaviour", data={"mode": "asleep"}).status_code == 400
