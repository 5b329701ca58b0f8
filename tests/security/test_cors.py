"""The sites whose scripts may read a response (THR-33): those of a public client's own pages."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.factories import make_account, make_client, make_session
from tests.support.browsers import show_session
from tests.support.relying_party import RelyingParty
from tests.support.waiting import wait_until

OWN, FOREIGN = "https://red.test", "https://evil.test"
ACCOUNT_API = ("/account/sessions", "/account/sign-out-everywhere", "/account/grants")
DISCOVERY = ("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", "/jwks")
FOR_SCRIPTS = ("/token", "/userinfo", "/revoke", "/par", *DISCOVERY)
NOW = datetime.now(UTC)
ALLOWED = "Access-Control-Allow-Origin"
ONE_DATABASE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def settings(settings, request):
    """Apps register themselves where a test says so by `indirect` settings."""
    return replace(settings, registration=getattr(request, "param", "off"))


@pytest.mark.spec("rfc9700 2, THR-33")
@ONE_DATABASE
@pytest.mark.parametrize(
    ("path", "answered"),
    [
        *((path, True) for path in FOR_SCRIPTS),
        *((path, False) for path in ("/authorize", "/session/end", "/sign-in", "/introspect", "/account")),
    ],
)
def test_a_preflight_is_answered_only_where_apps_ask(http, path, answered):
    asked = {"Origin": OWN, "Access-Control-Request-Method": "POST"}

    response = http.options(path, headers=asked)

    assert (response.headers.get(ALLOWED) == OWN) is answered
    assert (response.status_code == 204) is answered
    plain = http.options(path)
    assert ALLOWED not in plain.headers
    assert ("OPTIONS" in plain.headers["Allow"]) is (plain.status_code == 204) is answered


def preflight(http, path: str, origin: str, method: str = "POST"):
    return http.options(path, headers={"Origin": origin, "Access-Control-Request-Method": method})


@ONE_DATABASE
@pytest.mark.parametrize("settings", ["open", "token", "off"], indirect=True)
def test_a_preflight_for_registration_is_answered_where_apps_register_themselves(app, http, settings):
    response = preflight(http, "/register", "https://spa.test")

    assert response.status_code == 204
    assert response.headers.get(ALLOWED) == (None if settings.registration == "off" else "https://spa.test")


@pytest.mark.spec("rfc9700 2, THR-33")
@pytest.mark.parametrize("path", ACCOUNT_API)
@pytest.mark.parametrize(
    ("origin", "made", "answered"),
    [
        pytest.param(OWN, {}, True, id="the pages of the operator's app in a browser"),
        pytest.param(FOREIGN, {}, False, id="other pages"),
        pytest.param("null", {}, False, id="a page without an origin"),
        pytest.param(OWN, {"scope": "openid"}, False, id="an app without the account API"),
        pytest.param(OWN, {"first_party": False}, False, id="an app of others"),
        pytest.param(OWN, {"settings": {"disabled_at": NOW}}, False, id="a disabled app"),
        pytest.param(OWN, {"settings": {"deleted_at": NOW}}, False, id="a removed app"),
        pytest.param(
            OWN,
            {"token_endpoint_auth_method": "client_secret_basic"},
            False,
            id="an app with a secret, whose server asks",
        ),
    ],
)
def test_a_preflight_for_the_account_api_is_answered_for_pages_that_may_use_it(
    http, path, origin, made, answered
):
    make_client("red", **({"token_endpoint_auth_method": "none", "scope": "openid account"} | made))

    response = preflight(http, path, origin)

    assert response.status_code == 204
    assert response.headers.get(ALLOWED) == (origin if answered else None)
    assert "Origin" in response.headers["Vary"]


@ONE_DATABASE
def test_preflights_learn_of_a_new_client_within_seconds_and_share_one_look(http, statements):
    def is_answered() -> bool:
        return ALLOWED in preflight(http, "/account/sessions", OWN).headers

    assert not is_answered()
    make_client("red", token_endpoint_auth_method="none", scope="openid account")

    wait_until(is_answered)

    with statements() as made:
        assert [is_answered() for _ in range(10)] == [True] * 10
    assert len(made) <= 1


@ONE_DATABASE
def test_a_preflight_names_what_the_address_answers(http):
    make_client("red", token_endpoint_auth_method="none", scope="openid account")

    response = preflight(http, "/account/sessions/0199c0de-7a55-7c3e-8f00-1b2c3d4e5f60", OWN, "DELETE")

    assert response.headers["Access-Control-Allow-Methods"] == "DELETE, OPTIONS"


@ONE_DATABASE
@pytest.mark.parametrize(
    ("origin", "readable"),
    [pytest.param(OWN, True, id="its own pages"), pytest.param(FOREIGN, False, id="other pages")],
)
def test_the_account_api_is_read_by_the_apps_own_pages_alone(app, http, origin, readable):
    red = RelyingParty(app, "red", public=True, scope="openid account")
    show_session(http, make_session(make_account()))
    token = red.sign_in(http, scope="openid account")["access_token"]

    response = red.http.get(
        "/account/sessions", headers={"Origin": origin, "Authorization": f"Bearer {token}"}
    )

    assert (response.status_code, response.headers.get(ALLOWED)) == (200, origin if readable else None)
    dead = red.http.get("/account/sessions", headers={"Origin": origin, "Authorization": "Bearer cfa_x"})
    assert (dead.json["code"], dead.headers[ALLOWED]) == (9002, origin)


@ONE_DATABASE
@pytest.mark.parametrize("settings", ["open", "off"], indirect=True)
def test_a_page_reads_what_it_registers_where_apps_register_themselves(app, http, settings):
    metadata = {"redirect_uris": ["https://spa.test/cb"], "token_endpoint_auth_method": "none"}

    response = http.post("/register", json=metadata, headers={"Origin": "https://spa.test"})

    is_open = settings.registration == "open"
    assert response.status_code == (201 if is_open else 404)
    assert response.headers.get(ALLOWED) == ("https://spa.test" if is_open else None)


@pytest.mark.spec("core 15, rfc7009 3, THR-33")
@ONE_DATABASE
@pytest.mark.parametrize(
    ("public", "origin", "readable"),
    [
        pytest.param(True, OWN, True, id="the pages of an app in a browser"),
        pytest.param(True, FOREIGN, False, id="other pages, with the app's client_id"),
        pytest.param(True, "null", False, id="a page without an origin"),
        pytest.param(False, OWN, False, id="the pages of an app with a secret, which belongs to its server"),
    ],
)
def test_a_response_is_read_by_the_apps_own_pages_alone(app, http, public, origin, readable):
    red = RelyingParty(app, "red", public=public)
    show_session(http, make_session(make_account()))
    code = red.code(http)
    red.http.environ_base["HTTP_ORIGIN"] = origin

    tokens = red.exchange(code)
    responses = [
        tokens,
        red.userinfo(tokens.json["access_token"]),
        red.exchange("no code"),
        red.revoke(tokens.json["access_token"]),
    ]

    allowed = {response.headers.get(ALLOWED) for response in responses}
    assert allowed == ({origin} if readable else {None})


@ONE_DATABASE
def test_who_does_not_ask_by_a_script_costs_no_statement(app, http, statements):
    make_client("red", token_endpoint_auth_method="none")
    form = {"grant_type": "authorization_code", "client_id": "red", "code": "none"}

    with statements() as plain:
        http.post("/token", data=form)
    with statements() as by_script:
        http.post("/token", data=form, headers={"Origin": OWN})

    assert len(by_script) > len(plain)
    assert not any("Access-Control" in name for name in http.post("/token", data=form).headers)


@ONE_DATABASE
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_app_in_a_browser_sees_that_its_token_is_refused(http, method):
    """It is unknown by then whose token it was, and the response says nothing else."""
    dead = {"Origin": OWN, "Authorization": "Bearer cfa_dead"}
    refused = http.open("/userinfo", method=method, headers=dead)

    assert (refused.status_code, refused.headers[ALLOWED]) == (401, OWN)
    assert "WWW-Authenticate" in refused.headers["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Credentials" not in refused.headers
