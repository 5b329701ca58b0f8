"""Unwise redirect URIs that an operator accepted work; clients that register themselves never get one."""

from dataclasses import replace

import pytest

from provider.clients import registration_token
from provider.infrastructure.database import transaction
from provider.protocol.client_registration import read_registration
from tests.support.browsers import query_of
from tests.support.registering import Registrant
from tests.support.relying_party import RelyingParty, press

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
LAN, APP = "http://192.168.1.20:3000/cb", "myapp:/cb"
NATIVE = {"application_type": "native", "token_endpoint_auth_method": "none"}


@pytest.fixture
def settings(settings):
    return replace(settings, registration="open", registration_limit="1000 per second")


@pytest.fixture
def registrant(app):
    return Registrant(app.test_client(use_cookies=False))


def accept(rp, uri, **more) -> None:
    """Have an operator accept an unwise redirect URI for a client."""
    members = rp.client.registered | {"redirect_uris": [uri]} | more
    metadata = read_registration(members, may_be_unwise=lambda _: True)
    with transaction():
        rp.client.registered = metadata.to_wire()
    rp.redirect_uri = uri


@pytest.mark.parametrize(("uri", "more"), [(LAN, {}), (APP, NATIVE)])
def test_a_code_is_sent_there_to_the_letter(app, signed_in, uri, more):
    rp = RelyingParty(app, public=bool(more), backchannel_logout_uri=None)
    accept(rp, uri, **more)

    response = rp.authorize(signed_in)
    if more:
        response = press(signed_in, response, "allow")

    assert response.headers["Location"].startswith(f"{uri}?")
    assert rp.exchange(query_of(response)["code"]).status_code == 200
    assert "redirect_uri" in rp.authorize(signed_in, redirect_uri=f"{uri}/").text


@pytest.mark.parametrize("members", [{"redirect_uris": [LAN]}, {"redirect_uris": [APP], **NATIVE}])
def test_no_registrant_registers_one(registrant, members):
    response = registrant.register(**members)

    assert (response.status_code, response.json["error"]) == (400, "invalid_redirect_uri")


def test_a_client_sends_back_what_was_accepted_and_adds_nothing_to_it(app, registrant):
    rp = RelyingParty(app, first_party=False, backchannel_logout_uri=None)
    accept(rp, LAN)
    with transaction():
        token = registration_token.give(rp.client)
    made = {"client_id": "red", "registration_access_token": token}
    made["registration_client_uri"] = "http://localhost:8900/register/red"
    same = rp.client.registered

    refused = registrant.replace(made, **same | {"redirect_uris": [LAN, "http://nas/cb"]})
    kept = registrant.replace(made, **same)

    assert (refused.status_code, refused.json["error"]) == (400, "invalid_redirect_uri")
    assert (kept.status_code, kept.json["redirect_uris"]) == (200, [LAN])
