"""Scopes of administration: only for clients that the operator registered, and never without asking."""

import pytest

from provider.clients.models import Client
from provider.infrastructure.database import db, transaction
from provider.protocol.permissions import Permission
from provider.protocol.scopes import ADMIN_SCOPES
from tests.factories import make_session
from tests.support.browsers import query_of, show_session
from tests.support.relying_party import RelyingParty

READ = str(Permission.READ)


@pytest.fixture
def tool(app, signing_keys) -> RelyingParty:
    """An app of the operator's, with which people administer."""
    return RelyingParty(app, "tool", scope=f"openid account {' '.join(ADMIN_SCOPES)}")


@pytest.fixture
def signed_in(http, ada):
    return show_session(http, make_session(ada))


def as_self_registered(client: Client) -> None:
    with transaction():
        db.session.get(Client, client.id).self_registered = True


def test_a_person_is_asked_even_by_an_app_of_the_operators(tool, signed_in):
    response = tool.authorize(signed_in, scope=f"openid {READ}")

    assert response.headers["Location"].startswith("/consent/")
    page = signed_in.get(response.headers["Location"]).get_data(as_text=True)
    assert "See everything that administrators see" in page
    assert tool.sign_in(signed_in, scope=f"openid {READ}")["scope"].split() == ["openid", READ]
    # What was allowed once is not asked again.
    assert "code" in query_of(tool.authorize(signed_in, scope=f"openid {READ}"))


def test_every_permission_is_explained_on_the_consent_page(tool, signed_in):
    response = tool.authorize(signed_in, scope=" ".join(ADMIN_SCOPES))

    page = signed_in.get(response.headers["Location"]).get_data(as_text=True)
    assert "Use another permission" not in page


def test_an_app_without_the_scope_is_refused(app, signing_keys, signed_in):
    red = RelyingParty(app, "red")

    assert query_of(red.authorize(signed_in, scope=f"openid {READ}"))["error"] == "invalid_scope"


def test_a_client_that_registered_itself_never_gets_one(tool, signed_in):
    as_self_registered(tool.client)

    assert query_of(tool.authorize(signed_in, scope=f"openid {READ}"))["error"] == "invalid_scope"


@pytest.mark.parametrize("itself", [False, True])
def test_a_service_gets_what_the_operator_registered(app, signing_keys, itself):
    grants = ["authorization_code", "client_credentials"]
    service = RelyingParty(app, "service", scope=f"openid {READ}", grant_types=grants)
    if itself:
        as_self_registered(service.client)

    response = service.post("/token", grant_type="client_credentials", scope=READ)

    assert (response.status_code, response.json.get("scope")) == ((400, None) if itself else (200, READ))


def test_a_device_gets_none(app, signing_keys):
    grants = ["urn:ietf:params:oauth:grant-type:device_code", "refresh_token"]
    device = RelyingParty(app, "device", scope=f"openid {READ}", grant_types=grants)

    assert device.post("/device-authorization", scope=READ).json["error"] == "invalid_scope"


def test_they_are_published(http):
    supported = http.get("/.well-known/openid-configuration").json["scopes_supported"]

    assert set(ADMIN_SCOPES) <= set(supported)
