"""`/authorize` for apps on the person's device: which program listens there is not known (rfc8252 §8.6)."""

import pytest
from sqlalchemy import func, select

from provider.infrastructure.database import db
from provider.tokens.models import AuthorizationCode
from tests.support.browsers import Page, follow, query_of
from tests.support.reads import end_read
from tests.support.relying_party import RelyingParty, press, type_password

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
LOOPBACK, OWN_SCHEME = "http://127.0.0.1/callback", "com.example.phone:/callback"
CLAIMED = "https://phone.test/callback"
SCOPE = "openid offline_access account"


def native(app, redirect_uri: str = LOOPBACK, **made) -> RelyingParty:
    return RelyingParty(
        app,
        "phone",
        public=True,
        application_type="native",
        redirect_uris=[redirect_uri],
        scope=SCOPE,
        client_uri=None,
        backchannel_logout_uri=None,
        post_logout_redirect_uris=None,
        **made,
    )


def codes() -> int:
    end_read()
    return db.session.scalar(select(func.count()).select_from(AuthorizationCode)) or 0


@pytest.mark.spec("rfc8252 2")
@pytest.mark.parametrize("first_party", [True, False])
@pytest.mark.parametrize(
    ("registered", "asked"),
    [
        pytest.param(LOOPBACK, LOOPBACK, id="the loopback address"),
        pytest.param(LOOPBACK, "http://127.0.0.1:4711/callback", id="any port of it"),
        pytest.param(OWN_SCHEME, OWN_SCHEME, id="a private-use scheme"),
        pytest.param("https://localhost:8443/cb", "https://localhost:8443/cb", id="https on the loopback"),
    ],
)
def test_no_program_on_the_device_gets_a_code_without_a_page(app, signed_in, first_party, registered, asked):
    """The attack: some program opens the person's browser, listens there, and redeems the code by itself."""
    phone = native(app, registered, first_party=first_party)
    # The person has allowed the same to the real app before.
    assert phone.code(signed_in, scope=SCOPE)
    before = codes()

    silent = phone.authorize(signed_in, prompt="none", scope=SCOPE, redirect_uri=asked)
    shown = phone.authorize(signed_in, scope=SCOPE, redirect_uri=asked)

    assert query_of(silent)["error"] == "consent_required"
    assert "allow" in Page(signed_in, follow(signed_in, shown)).buttons
    assert codes() == before


@pytest.mark.spec("rfc8252 1")
@pytest.mark.parametrize("first_party", [True, False])
def test_a_claimed_https_address_is_the_apps_own(app, signed_in, first_party):
    phone = native(app, CLAIMED, first_party=first_party)
    if not first_party:
        press(signed_in, phone.authorize(signed_in, scope=SCOPE), "allow")

    assert "code" in query_of(phone.authorize(signed_in, prompt="none", scope=SCOPE))


@pytest.mark.spec("rfc8252 1")
def test_the_real_app_asks_once_and_refreshes_from_then_on(app, signed_in):
    phone = native(app)
    here = "http://127.0.0.1:4711/callback"

    asked = phone.authorize(signed_in, redirect_uri=here, scope=SCOPE)
    response = press(signed_in, asked, "allow")

    assert response.headers["Location"].startswith(f"{here}?code=")
    tokens = phone.exchange(query_of(response)["code"], redirect_uri=here).json
    assert tokens["scope"] == SCOPE
    assert phone.refresh(tokens["refresh_token"]).status_code == 200


@ON_SQLITE
def test_the_sign_in_page_is_page_enough_for_the_operators_own_app(app, http, ada):
    phone = native(app)

    response = type_password(http, phone.authorize(http, scope=SCOPE))

    assert "code" in query_of(response)
    # It was a response to that request and to no other.
    assert query_of(phone.authorize(http, prompt="none", scope=SCOPE))["error"] == "consent_required"


@ON_SQLITE
@pytest.mark.parametrize(
    "asked",
    [
        pytest.param("http://127.0.0.1:99999/callback", id="a port out of range"),
        pytest.param("http://127.0.0.1:65536/callback", id="one more than there are"),
    ],
)
def test_a_port_that_does_not_exist_is_not_registered(app, signed_in, asked):
    response = native(app).authorize(signed_in, redirect_uri=asked)

    assert response.status_code == 400
    assert "Location" not in response.headers
    assert "error-heading" in response.text
