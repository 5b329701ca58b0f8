"""Pairwise subjects of clients that register themselves: no client learns what a sector calls its people."""

from dataclasses import replace

import jwt
import pytest

from provider.protocol.grant_types import DEVICE_CODE
from tests.factories import make_session
from tests.support.browsers import show_session
from tests.support.device import Device
from tests.support.registering import Registrant
from tests.support.relying_party import RelyingParty

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
# What a bank publishes, and what its own client is registered with.
SECTOR, BANK = "https://bank.test/sector.json", "https://bank.test/callback"
PAIRWISE = {"subject_type": "pairwise"}
BY_ITSELF = {"first_party": False, "settings": {"self_registered": True}} | PAIRWISE


@pytest.fixture
def settings(settings):
    return replace(settings, registration="open")


@pytest.fixture
def registrant(app):
    return Registrant(app.test_client())


def sub_in(tokens: dict) -> str:
    return jwt.decode(tokens["id_token"], options={"verify_signature": False})["sub"]


def sub_at(app, http, ada, client_id: str, **made) -> str:
    """Return a client's name for Ada; it gets her tokens by the device grant if it has no other way."""
    if made.get("grant_types") == [DEVICE_CODE]:
        device = Device(app, client_id, **(BY_ITSELF | made))
        return sub_in(device.sign_in_by(make_session(ada), scope="openid"))
    return sub_in(RelyingParty(app, client_id, **made).sign_in(show_session(http, make_session(ada))))


@pytest.mark.spec("core 19")
@pytest.mark.parametrize(
    "members",
    [
        pytest.param({"redirect_uris": [], "grant_types": [DEVICE_CODE]}, id="without redirect URIs"),
        pytest.param(
            {"redirect_uris": [BANK], "grant_types": ["authorization_code", DEVICE_CODE]},
            id="with those of the bank and a device",
        ),
        pytest.param(
            {"redirect_uris": ["com.example.bank:/cb"], "application_type": "native"},
            id="behind a private-use scheme that the bank's app has too",
        ),
        pytest.param(
            {"redirect_uris": ["http://127.0.0.1/cb"], "application_type": "native"},
            id="on the loopback address that the bank's app has too",
        ),
    ],
)
def test_the_public_document_alone_admits_no_client_to_a_sector(registrant, members):
    """The attack: every one of these could get tokens that never reach the bank."""
    refused = registrant.register(sector_identifier_uri=SECTOR, **(PAIRWISE | members))

    assert (refused.status_code, refused.json["error"]) == (400, "invalid_client_metadata")
    assert "sector_identifier_uri" in refused.json["error_description"]


@pytest.mark.spec("core 19")
@pytest.mark.parametrize(
    "members",
    [
        pytest.param(
            {"redirect_uris": [], "grant_types": [DEVICE_CODE], "sector_identifier_uri": SECTOR},
            id="a device that an older release let in",
        ),
        pytest.param({"redirect_uris": [BANK], "grant_types": [DEVICE_CODE]}, id="a device with its URI"),
        pytest.param(
            {"redirect_uris": [BANK, "com.example.evil:/cb"], "application_type": "native"},
            id="its URI first, where the response does not go",
        ),
    ],
)
def test_the_banks_subjects_stay_the_banks(app, http, ada, members):
    banks = sub_at(app, http, ada, "bank", redirect_uris=[BANK], **PAIRWISE)

    assert sub_at(app, http, ada, "other", **(BY_ITSELF | members)) != banks


@pytest.mark.spec("core 19")
@pytest.mark.parametrize(
    "members",
    [
        pytest.param({"redirect_uris": [], "grant_types": [DEVICE_CODE]}, id="devices"),
        pytest.param(
            {"redirect_uris": ["http://127.0.0.1/cb"], "application_type": "native"},
            id="programs on a loopback port",
        ),
    ],
)
def test_clients_without_a_host_have_a_sector_each(app, http, ada, members):
    subs = [sub_at(app, http, ada, name, **(BY_ITSELF | members)) for name in ("one", "two")]

    assert subs[0] != subs[1]


@pytest.mark.spec("core 19")
def test_apps_of_one_maker_share_what_their_document_lists(app, http, ada):
    sector = {"sector_identifier_uri": SECTOR} | BY_ITSELF
    first = sub_at(app, http, ada, "app", redirect_uris=[BANK], **sector)
    second = sub_at(app, http, ada, "shop", redirect_uris=["https://shop.test/callback"], **sector)

    assert first == second == sub_at(app, http, ada, "bank", redirect_uris=[BANK], **PAIRWISE)


@pytest.mark.spec("core 19")
def test_a_device_registers_without_a_sector_and_knows_a_person_by_one_name(app, registrant, ada):
    body = registrant.registered(
        redirect_uris=[], grant_types=[DEVICE_CODE], token_endpoint_auth_method="none", **PAIRWISE
    )
    device = Device.of(app, body["client_id"])

    subs = [sub_in(device.sign_in_by(make_session(ada), scope="openid")) for _ in range(2)]

    assert subs[0] == subs[1] != ada.sub
