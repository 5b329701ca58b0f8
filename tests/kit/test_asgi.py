"""The ASGI middleware by itself: requests, WebSockets and what is neither."""

import time

import pytest

from curfew_rp.app_session import SESSION_KEY, AppSessions
from curfew_rp.asgi import LogoutMiddleware
from curfew_rp.receiver import BODY_SIZE_LIMIT, make_receiver
from curfew_rp.stores.redis import RedisStore
from tests.kit.conftest import FORM, form
from tests.kit.other_provider import CLIENT_ID
from tests.support.coroutines import run


@pytest.fixture
def sessions(provider):
    return AppSessions(make_receiver(issuer=provider.issuer, client_id=CLIENT_ID, store="memory:"))


@pytest.fixture
def session(sessions, provider):
    """A session that is signed in."""
    session = {}
    sessions.begin(session, {"iss": provider.issuer, "sub": "ada", "sid": "sid-1", "iat": time.time()})
    return session


async def inner(scope, _receive, send):
    """An app that says who is signed in."""
    await send({"type": "state", "signed_in": SESSION_KEY in scope.get("session", {})})


def play(sessions, scope, *messages):
    """Run the middleware; returns what it has sent."""
    waiting, sent = list(messages), []

    async def receive():
        return waiting.pop(0)

    async def send(message):
        sent.append(message)

    run(LogoutMiddleware(inner, sessions=sessions)(scope, receive, send))
    return sent


def http(path="/", method="GET", **more):
    return {"type": "http", "path": path, "method": method, "headers": [], "session": {}, **more}


def body(text, *, more=False):
    return {"type": "http.request", "body": text, "more_body": more}


def test_a_logout_token_in_pieces_is_received(sessions, session, provider):
    text = form(provider.logout_token())
    scope = http("/backchannel-logout", "POST", headers=[(b"content-type", FORM.encode())])

    start, end = play(sessions, scope, body(text[:50], more=True), body(text[50:]))

    assert (start["status"], end["body"]) == (200, b"")
    assert play(sessions, http(session=session)) == [{"type": "state", "signed_in": False}]
    assert session == {}


def test_a_body_is_read_no_further_than_it_may_be(sessions):
    scope = http("/backchannel-logout", "POST", headers=[(b"content-type", FORM.encode())])

    start, _ = play(sessions, scope, *[body(b"x" * BODY_SIZE_LIMIT, more=True)] * 2)

    assert start["status"] == 400


def test_an_app_below_a_path_receives_there(sessions):
    scope = http("/shop/backchannel-logout", root_path="/shop")

    assert play(sessions, scope, body(b""))[0]["status"] == 405


@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_a_live_session_is_let_through(sessions, session, kind):
    assert play(sessions, http(type=kind, session=session)) == [{"type": "state", "signed_in": True}]


def test_a_websocket_of_an_ended_session_has_no_session(sessions, session):
    sessions.index.end(sub="ada", sid="sid-1", at=time.time())

    assert play(sessions, http(type="websocket", session=session)) == [{"type": "state", "signed_in": False}]


def test_without_the_store_a_request_is_503_and_a_websocket_is_closed(session, provider, tmp_path):
    store = RedisStore.from_url(f"unix://{tmp_path / 'nothing'}")
    away = AppSessions(make_receiver(issuer=provider.issuer, client_id=CLIENT_ID, store=store))

    start, _ = play(away, http(session=session))
    closed = play(away, http(type="websocket", session=session), {"type": "websocket.connect"})

    assert (start["status"], dict(start["headers"])[b"retry-after"]) == (503, b"10")
    assert closed == [{"type": "websocket.close", "code": 1013}]
    store.close()


def test_what_is_neither_passes(sessions):
    assert play(sessions, {"type": "lifespan"}) == [{"type": "state", "signed_in": False}]


def test_an_app_without_sessions_is_a_mistake(sessions):
    scope = http()
    del scope["session"]

    with pytest.raises(RuntimeError, match="add the middleware of the sessions after this one"):
        play(sessions, scope)
