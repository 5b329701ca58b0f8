"""Each single wrong field of client metadata is refused and named."""

import sys
from collections.abc import Iterator
from types import FrameType

import pytest

from provider.protocol.client_metadata import InvalidClientMetadata, Problem
from provider.protocol.client_registration import read_registration
from provider.protocol.uri import parse_web_uri
from tests.protocol.test_client_metadata import EC, RSA, problems

BY_RSA = {"id_token_encrypted_response_alg": "RSA-OAEP-256"}


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


@pytest.mark.parametrize("number", [101, 5000])
def test_a_list_that_is_too_long_is_one_problem_and_not_looked_through(
    number: int, uris_read: list[str]
) -> None:
    with pytest.raises(InvalidClientMetadata) as refused:
        read_registration({"redirect_uris": [f"https://a.test/{n}#" for n in range(number)]})

    assert refused.value.problems == [Problem("redirect_uris", "must not have more than 100 entries")]
    assert len(set(uris_read)) <= 100


@pytest.fixture
def uris_read() -> Iterator[list[str]]:
    """Every URI that is read while the test runs."""
    read: list[str] = []

    def note(frame: FrameType, event: str, _argument: object) -> None:
        if event == "call" and frame.f_code is parse_web_uri.__code__:
            read.append(frame.f_locals["text"])

    sys.setprofile(note)
    yield read
    sys.setprofile(None)
