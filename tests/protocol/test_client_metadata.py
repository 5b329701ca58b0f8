"""Client metadata is validated completely, and all problems are reported together."""

import pytest

from provider.protocol.client_metadata import FIELDS, ClientMetadata, InvalidClientMetadata
from provider.protocol.client_registration import read_registration
from tests.support.public_keys import X, Y

SMALLEST = {"redirect_uris": ["https://red.test/cb"]}
RSA = {"kty": "RSA", "n": "x" * 342, "e": "AQAB", "kid": "a"}
EC = {"kty": "EC", "crv": "P-256", "x": X, "y": Y, "kid": "b"}


def problems(**asked):
    with pytest.raises(InvalidClientMetadata) as refused:
        read_registration(SMALLEST | asked)
    return {problem.field for problem in refused.value.problems}


@pytest.mark.spec("registration 1, registration 2")
def test_defaults_are_those_of_the_specifications():
    metadata = read_registration(SMALLEST)

    assert metadata.response_types == ("code",)
    assert metadata.grant_types == ("authorization_code",)
    assert metadata.application_type == "web"
    assert metadata.id_token_signed_response_alg == "RS256"
    assert metadata.token_endpoint_auth_method == "client_secret_basic"
    assert metadata.subject_type == "public"
    assert metadata.backchannel_logout_session_required is False
    assert not metadata.is_public
    assert not metadata.is_native


def test_what_is_stored_is_read_back_the_same():
    metadata = read_registration(
        SMALLEST
        | {
            "client_name": "Red",
            "post_logout_redirect_uris": ["https://red.test/out"],
            "backchannel_logout_uri": "https://red.test/told",
            "backchannel_logout_session_required": True,
            "default_max_age": 0,
            "jwks": {"keys": [RSA, EC]},
        }
    )

    assert ClientMetadata.from_stored(metadata.to_wire()) == metadata
    assert read_registration(metadata.to_wire()) == metadata


@pytest.mark.spec("registration 1, rfc7592 §2.2")
def test_unknown_members_are_ignored_and_null_means_absent():
    metadata = read_registration(SMALLEST | {"flavour": "salt", "client_name": None})

    assert metadata.to_wire().get("client_name") is None
    assert "flavour" not in metadata.to_wire()
    assert "flavour" not in FIELDS


@pytest.mark.spec("registration 1, rfc7591 §2.1")
@pytest.mark.parametrize(
    ("response_types", "grant_types"),
    [
        pytest.param(["id_token"], ["implicit"], id="id_token alone"),
        pytest.param(["token id_token"], ["implicit"], id="in another order"),
        pytest.param(["code id_token token"], ["authorization_code", "implicit"], id="hybrid"),
        pytest.param(["code", "code token"], ["authorization_code", "implicit"], id="several"),
    ],
)
def test_response_types_go_with_their_grant_types(response_types, grant_types):
    asked = {"response_types": response_types, "grant_types": grant_types}

    assert read_registration(SMALLEST | asked).response_types == tuple(response_types)


def test_a_host_that_only_begins_like_localhost_is_far_away():
    asked = {
        "redirect_uris": ["https://localhost.example.com/cb"],
        "response_types": ["id_token"],
        "grant_types": ["implicit"],
    }

    assert read_registration(asked).redirect_uris == ("https://localhost.example.com/cb",)


def test_every_problem_is_reported_at_once():
    assert problems(
        application_type="desktop", jwks_uri="ftp://red.test/keys", require_auth_time="yes", scope="a  b"
    ) == {"application_type", "jwks_uri", "require_auth_time", "scope"}


@pytest.mark.spec("registration 3")
def test_the_error_code_tells_redirect_uris_from_the_rest():
    for asked, error in (
        ({"redirect_uris": ["javascript:x"]}, "invalid_redirect_uri"),
        (SMALLEST | {"subject_type": "x"}, "invalid_client_metadata"),
    ):
        with pytest.raises(InvalidClientMetadata) as refused:
            read_registration(asked)
        assert refused.value.error == error


@pytest.mark.spec("SEC-1503")
@pytest.mark.parametrize(
    "asked",
    [
        pytest.param({"redirect_uris": "https://red.test/cb"}, id="a text is no list"),
        pytest.param({"redirect_uris": ["https://red.test/cb", 1]}, id="a number in a list of texts"),
        pytest.param({"redirect_uris": {"0": "https://red.test/cb"}}, id="an object is no list"),
        pytest.param({"client_name": ["Red"]}, id="a list is no text"),
        pytest.param({"require_auth_time": 1}, id="1 is not true"),
        pytest.param({"require_auth_time": "true"}, id="the text true is not true"),
        pytest.param({"default_max_age": True}, id="true is no number"),
        pytest.param({"default_max_age": "60"}, id="a text is no number"),
        pytest.param({"default_max_age": 1.5}, id="seconds are whole"),
        pytest.param({"jwks": "{}"}, id="a text is no object"),
        pytest.param({"jwks": []}, id="a list is no object"),
    ],
)
def test_types_are_strict(asked):
    assert problems(**asked) == set(asked)


def test_a_machine_needs_no_redirect_uri():
    metadata = read_registration({"grant_types": ["client_credentials"]})

    assert metadata.response_types == ()
    assert metadata.may_use_grant_type("client_credentials")
    assert ClientMetadata.from_stored(metadata.to_wire()) == metadata


def test_front_channel_uri_of_a_registered_origin_is_accepted():
    uri = "https://red.test/out?keep=1"
    assert read_registration(SMALLEST | {"frontchannel_logout_uri": uri}).frontchannel_logout_uri == uri


def test_scopes():
    metadata = read_registration(SMALLEST | {"scope": "openid invoices:read"})

    assert metadata.may_use_scope("invoices:read")
    assert not metadata.may_use_scope("invoices")
    assert not metadata.may_use_scope("openid invoices:read")


@pytest.mark.parametrize(
    ("asked", "alg"),
    [
        pytest.param({}, "PS256", id="the default of the specification is left out by FAPI 2.0 §5.4.1"),
        pytest.param({"id_token_signed_response_alg": "RS256"}, "RS256", id="what was asked for is kept"),
        pytest.param({"dpop_bound_access_tokens": False}, "RS256", id="no client of that profile"),
    ],
)
def test_how_the_id_tokens_of_a_fapi_2_client_are_signed(asked, alg):
    profile = {"require_pushed_authorization_requests": True, "dpop_bound_access_tokens": True}

    assert read_registration(SMALLEST | profile | asked).id_token_signed_response_alg == alg
