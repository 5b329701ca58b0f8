"""A name that no client can have is an unknown client's: no database could look for it (ABU-80)."""

import base64
import json

import pytest

from tests.races.at_once import ON_POSTGRESQL
from tests.support.relying_party import RelyingParty

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
pytestmark = ON_POSTGRESQL


def unsigned(**claims: str) -> str:
    """A forged token, in which JSON escapes what no text in UTF-8 can hold."""
    parts = (json.dumps(part).encode() for part in ({"alg": "ES256"}, claims))
    head, body = (base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
    return f"{head}.{body}.{'A' * 86}"


@pytest.mark.spec("core 20, rfc7523 §3, rfc9101 §5")
@pytest.mark.parametrize("name", ["red\0", "red\ud800"], ids=["NUL", "an unpaired surrogate"])
def test_a_token_with_an_impossible_name_is_refused_like_any_other(app, http, name):
    red = RelyingParty(app, "red")
    assertion = unsigned(iss=name, sub=name)
    proof = {"client_assertion": assertion, "client_assertion_type": ASSERTION_TYPE}

    for path, form in (("/token", {"grant_type": "client_credentials"}), ("/introspect", {"token": "x"})):
        response = http.post(path, data=proof | form)
        assert (response.status_code, response.json["error"]) == (401, "invalid_client")

    pushed = http.post("/par", data={"client_id": "red", "request": unsigned(iss=name, client_id=name)})
    assert (pushed.status_code, pushed.json["error"]) == (401, "invalid_client")
    shown = http.get(
        "/authorize", query_string={"client_id": red.client_id, "request": unsigned(client_id=name)}
    )
    assert shown.status_code == 400


@pytest.mark.spec("rfc6749 §2.3.1")
@pytest.mark.parametrize("pair", [b"red%00:x", b"red\0:x", b"%ED%A0%80:x"])
def test_a_header_with_an_impossible_name_is_refused_like_any_other(http, pair):
    header = {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}

    response = http.post("/token", data={"grant_type": "client_credentials"}, headers=header)

    assert (response.status_code, response.json["error"]) == (401, "invalid_client")


@pytest.mark.parametrize("path", ["/apps/red%00/open", "/apps/red%00/logo"])
def test_an_address_with_an_impossible_name_is_no_page(http, path):
    assert http.get(path).status_code == 404
