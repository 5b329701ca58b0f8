"""The claims of ID Tokens: those of the scopes, or only those that a request names (core §5.4)."""

from dataclasses import replace

import pytest

from tests.endpoints.test_claims_parameter import asking, id_token_claims, named
from tests.factories import make_account, make_session
from tests.support.device import Device
from tests.support.relying_party import RelyingParty

SCOPES = {"settings": {"id_token_claims": "scopes"}}
LEGACY = {
    "response_types": ["code", "code id_token", "id_token token"],
    "grant_types": ["authorization_code", "refresh_token", "implicit"],
}
PERSON = {"name", "preferred_username", "email", "updated_at"}


@pytest.fixture
def ada(app):
    return make_account("ada", phone_number="+44 20 7946 0000")


@pytest.fixture
def green(app):
    return RelyingParty(app, "green", **SCOPES)


def of_person(tokens, audience="green") -> set[str]:
    return set(id_token_claims(tokens, audience)) & {*PERSON, "phone_number"}


@pytest.mark.spec("core 16")
def test_the_claims_of_the_granted_scopes_are_in_the_id_token_and_after_a_refresh_too(signed_in, green):
    tokens = green.sign_in(signed_in)
    refreshed = green.refresh(tokens["refresh_token"]).json

    assert of_person(tokens) == of_person(refreshed) == PERSON
    assert id_token_claims(tokens, "green")["name"] == "Ada"
    # The key of the account stays the protocol's, whatever a person is called.
    assert id_token_claims(tokens, "green")["sub"] == green.userinfo(tokens["access_token"]).json["sub"]


def test_a_scope_that_was_not_granted_adds_nothing(signed_in, green):
    assert of_person(green.sign_in(signed_in, scope="openid")) == set()
    assert of_person(green.sign_in(signed_in, scope="openid email")) == {"email"}


def test_claims_that_are_named_come_beside_those_of_the_scopes(signed_in, green):
    tokens = green.sign_in(signed_in, **asking(id_token=named("phone_number"), scope="openid email"))

    assert of_person(tokens) == {"email", "phone_number"}
    assert "phone_number" not in green.userinfo(tokens["access_token"]).json


def test_a_client_of_before_keeps_the_minimum_of_the_specification(signed_in, rp):
    tokens = rp.sign_in(signed_in)

    assert of_person(tokens, "red") == set()
    assert rp.userinfo(tokens["access_token"]).json["name"] == "Ada"


class TestThroughTheBrowser:
    @pytest.fixture
    def settings(self, settings):
        return replace(settings, hybrid_response_types=True)

    @pytest.mark.parametrize(
        ("response_type", "claims"),
        [
            pytest.param("code id_token", set(), id="core §3.3.3.6: the code's ID Token follows"),
            pytest.param("id_token token", PERSON, id="no other ID Token follows"),
        ],
    )
    def test_an_id_token_in_an_address_says_no_more_than_it_must(self, app, signed_in, response_type, claims):
        green = RelyingParty(app, "green", **LEGACY, **SCOPES)

        location = green.authorize(signed_in, response_type=response_type).headers["Location"]

        said = dict(part.split("=", 1) for part in location.partition("#")[2].split("&"))
        assert of_person(said) == claims


def test_a_device_gets_them_as_well(app, ada):
    tokens = Device(app, **SCOPES).sign_in_by(make_session(ada))

    assert id_token_claims(tokens, "tv")["name"] == "Ada"
