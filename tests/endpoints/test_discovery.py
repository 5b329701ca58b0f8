"""The discovery documents, the OAuth metadata and the health responses."""

import pytest
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from authlib.oidc.discovery import OpenIDProviderMetadata

from tests.support.browsers import ISSUER

PLACES = ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"]


@pytest.fixture
def document(rp):
    return rp.http.get(PLACES[0]).json


@pytest.mark.spec("discovery 1")
@pytest.mark.parametrize("place", PLACES)
def test_the_issuer_is_the_settings_whatever_host_is_asked(rp, place):
    response = rp.http.get(place, headers={"Host": "evil.test", "X-Forwarded-Host": "evil.test"})

    assert response.status_code == 200
    assert response.mimetype == "application/json"
    assert response.json["issuer"] == ISSUER
    assert "evil.test" not in response.get_data(as_text=True)


@pytest.mark.spec("discovery 2, rfc8414 1")
def test_the_document_is_valid_for_the_specifications(document, monkeypatch):
    # The validator wants https; the development issuer is http on localhost.
    https = {
        name: value.replace("http://", "https://") if isinstance(value, str) else value
        for name, value in document.items()
    }

    OpenIDProviderMetadata(https).validate()
    AuthorizationServerMetadata(https).validate()


@pytest.mark.spec(
    "backchannel OP 1",
    "rpinitiated 1",
    "frontchannel 1",
    "session 1",
    "core 25",
    "discovery 2",
    "discovery 3",
    "rfc8414 1",
    "global-token-revocation 1",
    "rfc9449 2",
    "rfc7662 4",
)
def test_it_lists_what_works(document):
    assert document["response_types_supported"] == ["code"]
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert document["backchannel_logout_supported"] is True
    assert document["backchannel_logout_session_supported"] is True
    assert "frontchannel_logout_supported" not in document
    assert document["authorization_response_iss_parameter_supported"] is True
    assert document["request_uri_parameter_supported"] is True
    assert document["require_request_uri_registration"] is True
    assert document["dpop_signing_alg_values_supported"] == ["ES256", "PS256", "Ed25519", "EdDSA"]
    assert document["introspection_signing_alg_values_supported"] == ["RS256", "ES256", "EdDSA", "PS256"]
    assert "tls_client_certificate_bound_access_tokens" not in document
    assert "none" not in document["id_token_signing_alg_values_supported"]
    assert [] not in document.values()


def test_every_address_in_it_answers(rp, document):
    addresses = [value for name, value in document.items() if name.endswith(("_endpoint", "_uri"))]
    assert len(addresses) >= 8

    for address in addresses:
        path = address.removeprefix(ISSUER)
        assert {rp.http.get(path).status_code, rp.http.post(path).status_code} != {404}, path


@pytest.mark.parametrize("place", [*PLACES, "/jwks"])
def test_it_is_the_same_for_all_and_may_be_kept(rp, place):
    first = rp.http.get(place)

    again = rp.http.get(place, headers={"If-None-Match": first.headers["ETag"]})

    assert first.headers["Cache-Control"] == "public, max-age=300"
    assert again.status_code == 304
    assert "Cookie" not in first.headers.get("Vary", "")
    assert "Set-Cookie" not in first.headers
