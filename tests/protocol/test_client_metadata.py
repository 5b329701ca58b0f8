"""Client metadata is validated wholly, and every problem is told at once."""

import pytest

from provider.protocol.client_metadata import FIELDS, ClientMetadata, InvalidClientMetadata
from provider.protocol.client_registration import read_registration
from tests.support.public_keys import X, Y

SMALLEST = {"redirect_uris": ["https://red.test/cb"]}
RSA = {"kty": "RSA", "n": "x" * 342, "e": "AQAB", "kid": "a"}
EC = {"kty": "EC", "crv": "P-256", "x": X, "y": Y, "kid": "b"}
BY_RSA = {"id_token_encrypted_response_alg": "RSA-OAEP-256"}


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


@pytest.mark.parametrize(
    ("field", "asked"),
    [
        pytest.param("redirect_uris", {"redirect_uris": []}, id="code flow without redirect URI"),
        pytest.param("response_types", {"response_types": ["token"]}, id="implicit flow is not offered"),
        pytest.param("response_types", {"response_types": []}, id="grant without its response type"),
        pytest.param("grant_types", {"response_types": ["code", "id_token"]}, id="id_token without implicit"),
        pytest.param(
            "grant_types",
            {"grant_types": ["authorization_code", "implicit"]},
            id="implicit without a response type of its own",
        ),
        pytest.param(
            "response_types",
            {"response_types": ["id_token code"], "grant_types": ["implicit"]},
            id="a code without its grant type",
        ),
        pytest.param(
            "redirect_uris",
            {
                "redirect_uris": ["http://localhost:1/cb"],
                "response_types": ["id_token"],
                "grant_types": ["implicit"],
            },
            id="the implicit grant of a web client at localhost",
        ),
        pytest.param(
            "redirect_uris",
            {
                "redirect_uris": ["https://localhost/cb"],
                "response_types": ["id_token"],
                "grant_types": ["implicit"],
            },
            id="the same by https",
        ),
        pytest.param(
            "initiate_login_uri",
            {"initiate_login_uri": "http://localhost/start"},
            id="registration §2: https",
        ),
        pytest.param("grant_types", {"grant_types": ["password"]}, id="password grant is not offered"),
        pytest.param("grant_types", {"grant_types": []}, id="no grant at all"),
        pytest.param("grant_types", {"grant_types": ["refresh_token"]}, id="refresh alone"),
        pytest.param(
            "grant_types",
            {"grant_types": ["client_credentials"], "token_endpoint_auth_method": "none"},
            id="a public client has no credentials",
        ),
        pytest.param(
            "token_endpoint_auth_method",
            {"token_endpoint_auth_method": "client_secret_jwt"},
            id="KEY-20: client_secret_jwt is not offered",
        ),
        pytest.param("id_token_signed_response_alg", {"id_token_signed_response_alg": "none"}, id="alg none"),
        pytest.param(
            "id_token_signed_response_alg", {"id_token_signed_response_alg": "HS256"}, id="symmetric"
        ),
        pytest.param(
            "jwks", {"token_endpoint_auth_method": "private_key_jwt"}, id="private_key_jwt, no keys"
        ),
        pytest.param(
            "jwks", {"jwks": {"keys": [RSA]}, "jwks_uri": "https://red.test/keys"}, id="keys in two places"
        ),
        pytest.param("jwks", {"jwks": {"keys": []}}, id="an empty JWK Set"),
        pytest.param("jwks", {"jwks": {"keys": [RSA | {"d": "x"}]}}, id="a private key"),
        pytest.param("jwks", {"jwks": {"keys": [{"kty": "oct", "k": "eA"}]}}, id="a symmetric key"),
        pytest.param("jwks", {"jwks": {"keys": [RSA | {"n": "x" * 171}]}}, id="a short RSA key"),
        pytest.param("jwks", {"jwks": {"keys": [RSA, EC | {"kid": "a"}]}}, id="two keys of one kid"),
        pytest.param("jwks", {"jwks": {"keys": [EC | {"crv": "secp256k1"}]}}, id="an unknown curve"),
        pytest.param("jwks", {"jwks": {"keys": [EC | {"x": 4}]}}, id="a member of another type"),
        pytest.param("id_token_encrypted_response_alg", BY_RSA, id="encryption without a key"),
        pytest.param(
            "id_token_encrypted_response_alg", BY_RSA | {"jwks": {"keys": [EC]}}, id="a key of another kind"
        ),
        pytest.param(
            "id_token_encrypted_response_alg",
            BY_RSA | {"jwks": {"keys": [RSA | {"use": "sig"}]}},
            id="a key for signatures",
        ),
        pytest.param(
            "id_token_encrypted_response_alg",
            BY_RSA | {"jwks": {"keys": [RSA | {"alg": "RSA-OAEP"}]}},
            id="a key for another algorithm",
        ),
        pytest.param(
            "id_token_encrypted_response_alg",
            BY_RSA | {"jwks": {"keys": [RSA | {"key_ops": ["verify"]}]}},
            id="a key for another operation",
        ),
        pytest.param(
            "userinfo_encrypted_response_alg",
            {"userinfo_encrypted_response_alg": "dir", "jwks": {"keys": [RSA]}},
            id="a shared secret",
        ),
        pytest.param(
            "authorization_encrypted_response_alg",
            {"authorization_encrypted_response_alg": "RSA1_5", "jwks": {"keys": [RSA]}},
            id="a padding that tells",
        ),
        pytest.param(
            "id_token_encrypted_response_enc",
            BY_RSA | {"jwks": {"keys": [RSA]}, "id_token_encrypted_response_enc": "A192GCM"},
            id="a content encryption that is not offered",
        ),
        pytest.param(
            "userinfo_encrypted_response_alg",
            {"userinfo_encrypted_response_enc": "A128GCM", "jwks": {"keys": [RSA]}},
            id="half an encryption",
        ),
        pytest.param("jwks_uri", {"jwks_uri": "http://red.test/keys"}, id="keys over plain http"),
        pytest.param(
            "sector_identifier_uri", {"sector_identifier_uri": "http://localhost/s"}, id="core §8.1: https"
        ),
        pytest.param(
            "sector_identifier_uri",
            {
                "subject_type": "pairwise",
                "redirect_uris": ["https://red.test/cb", "https://green.test/cb"],
            },
            id="core §8.1: pairwise over two hosts",
        ),
        pytest.param(
            "backchannel_logout_uri",
            {"backchannel_logout_uri": "https://red.test/told#x"},
            id="backchannel §2.2: no fragment",
        ),
        pytest.param(
            "backchannel_logout_uri", {"backchannel_logout_uri": "/told"}, id="backchannel §2.2: absolute"
        ),
        pytest.param(
            "backchannel_logout_uri",
            {"backchannel_logout_uri": "http://red.test/told", "token_endpoint_auth_method": "none"},
            id="backchannel §2.2: http is for confidential clients",
        ),
        pytest.param(
            "frontchannel_logout_uri",
            {"frontchannel_logout_uri": "https://red.test:8443/out"},
            id="frontchannel §2: another port",
        ),
        pytest.param(
            "frontchannel_logout_uri",
            {"frontchannel_logout_uri": "https://green.test/out"},
            id="frontchannel §2: another host",
        ),
        pytest.param("logo_uri", {"logo_uri": "javascript:alert(1)"}, id="a script for a logo"),
        pytest.param("tos_uri", {"tos_uri": "data:text/html,x"}, id="data for terms"),
        pytest.param("client_name", {"client_name": "R\u202eed"}, id="THR-34: direction marks"),
        pytest.param("client_name", {"client_name": " "}, id="an empty name"),
        pytest.param("client_name", {"client_name": "R" * 201}, id="a long name"),
        pytest.param("default_max_age", {"default_max_age": -1}, id="a negative age"),
    ],
)
def test_a_single_wrong_field_is_named(field, asked):
    assert problems(**asked) == {field}


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
