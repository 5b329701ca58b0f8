"""Encryption that a client registers by itself, and what is offered to it."""

from dataclasses import replace

import pytest

from tests.endpoints.test_encryption import RSA, SIGNING, encrypting
from tests.support.applications import opened
from tests.support.registering import Registrant

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


class TestSelfRegistration:
    """By a client itself (rfc7591)."""

    @pytest.fixture
    def settings(self, settings):
        return replace(settings, registration="open", registration_limit="1000 per second")

    @pytest.fixture
    def registrant(self, settings):
        with opened(settings) as app:
            yield Registrant(app.test_client(use_cookies=False))

    @pytest.mark.spec("registration 2, registration 3")
    def test_it_is_registered_as_it_was_asked_for(self, registrant):
        members = encrypting("userinfo", "RSA-OAEP", "A256GCM", RSA)

        made = registrant.registered(**members)

        assert {name: made[name] for name in members} == members

    @pytest.mark.parametrize(
        "key",
        [
            pytest.param(SIGNING.as_dict(private=False), id="a key for signatures"),
            pytest.param({"kty": "RSA", "n": "_" * 86, "e": "AQAB"}, id="512 bits"),
            pytest.param({"kty": "RSA", "n": "_" * 8192, "e": "AQAB"}, id="49,152 bits"),
            pytest.param({"kty": "RSA", "n": "_" * 342, "e": "AQ"}, id="an exponent of one"),
            pytest.param({"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}, id="no point of the curve"),
        ],
    )
    def test_without_a_usable_key_it_is_refused(self, registrant, key):
        refused = registrant.register(id_token_encrypted_response_alg="RSA-OAEP-256", jwks={"keys": [key]})

        assert (refused.status_code, refused.json["error"]) == (400, "invalid_client_metadata")


@pytest.mark.spec("discovery 2")
def test_what_is_offered_is_published(http, app):
    metadata = http.get("/.well-known/openid-configuration").json

    for response in ("id_token", "userinfo", "authorization"):
        algs = metadata[f"{response}_encryption_alg_values_supported"]
        encs = metadata[f"{response}_encryption_enc_values_supported"]
        assert {"RSA-OAEP-256", "ECDH-ES"} <= set(algs)
        assert not {"RSA1_5", "dir"} & set(algs)
        assert encs[0] == "A128CBC-HS256"
