"""Access to the account API, and its refusals: one table of addresses, one of tokens."""

import pytest
from sqlalchemy import select, update

from provider.clients.models import Client
from provider.infrastructure import current
from provider.infrastructure.database import change, db, transaction
from provider.infrastructure.opaque_tokens import new_id
from provider.logout.end_session import end
from provider.logout.models import LogoutReason
from provider.logout.steps import Cause
from provider.sessions.models import Session
from tests.api.conftest import SCOPE, AccountApp
from tests.factories import make_session
from tests.support.browsers import query_of, show_session
from tests.support.reads import end_read
from tests.support.relying_party import press

ADDRESSES = [
    pytest.param("GET", "/account/sign-out-everywhere", id="preview"),
    pytest.param("POST", "/account/sign-out-everywhere", id="sign out everywhere"),
    pytest.param("GET", "/account/sessions", id="list sessions"),
    pytest.param("DELETE", f"/account/sessions/{new_id()}", id="end a session"),
    pytest.param("GET", "/account/grants", id="list grants"),
    pytest.param("DELETE", f"/account/grants/{new_id()}", id="revoke a grant"),
]


@pytest.mark.parametrize(("method", "path"), ADDRESSES)
@pytest.mark.spec("rfc6750 §3")
def test_requests_without_a_token_are_refused(rp, token, method, path):
    response = rp.call(method, path)

    assert response.status_code == 401
    assert (response.json["error"], response.json["code"]) == ("missing_token", 9001)
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="curfew"'
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(("method", "path"), ADDRESSES)
def test_a_cookie_is_no_token(http, ada, method, path):
    """So no page of another site can ask in the person's name."""
    show_session(http, make_session(ada))

    assert http.open(path, method=method).json["code"] == 9001


def _kill(rp, tokens, how, turned_clock) -> str:
    token: str = tokens["access_token"]
    match how:
        case "expired":
            turned_clock.turn(current.settings().access_token_lifetime)
        case "revoked":
            rp.revoke(token)
        case "session ended":
            with transaction():
                cause = Cause(reason=LogoutReason.USER, initiator="account")
                end(db.session.scalars(select(Session)).one(), cause)
        case "unknown":
            token = "cfa_unknown"
    return token


@pytest.mark.parametrize("how", ["expired", "revoked", "session ended", "unknown"])
@pytest.mark.parametrize(("method", "path"), ADDRESSES)
def test_an_expired_token_is_distinguished_from_none(rp, turned_clock, tokens, method, path, how):
    token = _kill(rp, tokens, how, turned_clock)

    response = rp.call(method, path, token)

    assert response.status_code == 401
    assert (response.json["error"], response.json["code"]) == ("invalid_token", 9002)
    assert response.json["error_description"] == "Invalid or expired session"
    assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]


@pytest.mark.parametrize(("method", "path"), ADDRESSES)
def test_a_token_without_the_scope_is_refused(http, rp, ada, method, path):
    show_session(http, make_session(ada))
    token = rp.sign_in(http, scope="openid profile")["access_token"]

    response = rp.call(method, path, token)

    assert response.status_code == 403
    assert (response.json["error"], response.json["code"]) == ("insufficient_scope", 9000)
    assert 'scope="account"' in response.headers["WWW-Authenticate"]


@pytest.mark.parametrize(("method", "path"), ADDRESSES)
@pytest.mark.parametrize(
    "loss",
    [
        pytest.param({"first_party": False}, id="no longer the operator's own"),
        pytest.param(
            {"registered": {"scope": "openid", "client_name": "Red"}}, id="the scope was taken away"
        ),
    ],
)
def test_a_right_that_is_lost_is_lost_at_once(rp, token, method, path, loss):
    with transaction():
        change(update(Client).values(**loss))

    assert rp.call(method, path, token).status_code == 403


def test_a_clients_own_token_is_no_persons(app):
    robot = AccountApp(
        app, "robot", scope="jobs account", grant_types=["client_credentials"], redirect_uris=None
    )
    refused = robot.post("/token", grant_type="client_credentials", scope="account")
    token = robot.post("/token", grant_type="client_credentials").json

    assert refused.json["error"] == "invalid_scope"
    assert token["scope"] == "jobs"
    assert robot.preview(token["access_token"]).status_code == 403


@pytest.mark.parametrize(
    ("made", "allowed"),
    [
        pytest.param({"first_party": True}, True, id="the operator's own web app"),
        pytest.param(
            {
                "first_party": False,
                "public": True,
                "application_type": "native",
                "redirect_uris": ["http://127.0.0.1/callback"],
            },
            True,
            id="another person's native app",
        ),
        pytest.param({"first_party": False}, False, id="another person's web app"),
        pytest.param({"first_party": True, "scope": "openid"}, False, id="not registered for it"),
    ],
)
def test_who_may_ask_for_the_scope(app, http, ada, made, allowed):
    show_session(http, make_session(ada))
    asks = AccountApp(app, "blue", **({"scope": SCOPE} | made))

    response = asks.authorize(http, scope="openid account")

    if not allowed:
        assert query_of(response)["error"] == "invalid_scope"
        return
    if "code=" not in response.headers["Location"]:
        response = press(http, response, "allow")
    assert asks.exchange(query_of(response)["code"]).json["scope"] == "openid account"


def test_a_token_in_the_address_is_refused(rp, token):
    response = rp.call("GET", f"/account/sessions?access_token={token}", token)

    assert response.status_code == 400
    assert (response.json["error"], response.json["code"]) == ("invalid_request", 9000)


@pytest.mark.parametrize("path", ["/account/sign-out-everywhere", "/account/sessions", "/account/grants"])
@pytest.mark.parametrize("method", ["PUT", "PATCH", "TRACE", "HEAD"])
def test_unused_methods_are_refused_in_json(rp, token, method, path):
    response = rp.call(method, path, token)

    assert response.status_code == 405
    assert response.mimetype == "application/json"


@pytest.mark.parametrize("path", ["/account/sessions/nonsense", "/account/grants/1", "/account/sessions/"])
def test_an_identifier_that_is_none_is_not_found(rp, token, path):
    assert rp.call("DELETE", path, token).status_code in (404, 405)


def test_our_own_trouble_is_distinguished_from_an_ended_session(app, rp, token):
    end_read()
    with db.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE access_token RENAME TO away")
    try:
        response = rp.sign_out_everywhere(token)
    finally:
        with db.engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE away RENAME TO access_token")

    assert response.status_code >= 500
    assert response.json["error"] == "server_error"
    assert response.json["code"] == 9000
