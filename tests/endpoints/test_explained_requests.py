"""Requests that developers often get wrong, and the messages that explain them."""

import gzip
import re
from urllib.parse import parse_qsl

import pytest

from tests.factories import secret_of
from tests.support.browsers import query_of
from tests.support.relying_party import RelyingParty, press

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
FORM = "application/x-www-form-urlencoded"


@ON_SQLITE
@pytest.mark.parametrize("path", ["/token", "/introspect", "/revoke", "/par"])
def test_a_json_body_is_named(rp, path):
    response = rp.http.post(path, json={"token": "x"}, auth=("red", secret_of("red")))

    assert (response.status_code, response.json["error"]) == (400, "invalid_request")
    assert response.json["error_description"] == f"the body must be {FORM}, but was sent as application/json"


@ON_SQLITE
@pytest.mark.parametrize("path", ["/token", "/userinfo", "/global-token-revocation"])
def test_a_compressed_body_is_named(app, rp, path):
    kind = "application/json" if path == "/global-token-revocation" else FORM
    response = rp.http.post(
        path, data=gzip.compress(b"token=x"), content_type=kind, headers={"Content-Encoding": "GZip"}
    )

    if path != "/global-token-revocation":
        assert (response.status_code, response.json["error"]) == (400, "invalid_request")
        assert "encoded as gzip" in response.json["error_description"]
    plain = rp.http.post(path, data=b"", content_type=kind, headers={"Content-Encoding": "identity"})
    assert "encoded" not in plain.get_data(as_text=True)


@ON_SQLITE
def test_a_compressed_logout_request_is_explained(rp, http):
    response = http.post(
        "/session/end",
        data=gzip.compress(b"client_id=red"),
        content_type=FORM,
        headers={"Content-Encoding": "gzip"},
    )

    assert response.status_code < 400


@ON_SQLITE
@pytest.mark.parametrize(
    ("asked", "error", "named"),
    [
        pytest.param("id_token", "unsupported_response_type", "CURFEW_HYBRID_RESPONSE_TYPES", id="a setting"),
        pytest.param("token", "unsupported_response_type", "must be one of: code", id="never offered"),
    ],
)
def test_a_refused_response_type_is_answered_with_those_that_are_offered(rp, signed_in, asked, error, named):
    location = rp.authorize(signed_in, response_type=asked).headers["Location"]

    (params,) = (dict(parse_qsl(part)) for part in re.split("[?#]", location)[1:])
    assert params["error"] == error
    assert named in params["error_description"]


@ON_SQLITE
def test_a_client_learns_its_own_response_types(app, signed_in):
    device = RelyingParty(
        app, "service", response_types=[], grant_types=["client_credentials"], scope="openid read"
    )

    params = query_of(device.authorize(signed_in))

    assert params["error"] == "unauthorized_client"
    assert params["error_description"].endswith("its response_types are: none")


@pytest.mark.spec("core 23")
def test_offline_access_alone_is_granted_or_refused_but_never_silently_dropped(rp, signed_in):
    dropped = query_of(rp.authorize(signed_in, scope="offline_access"))
    assert dropped["error"] == "invalid_scope"
    assert "prompt=consent" in dropped["error_description"]

    asked = rp.authorize(signed_in, scope="offline_access", prompt="consent")
    granted = rp.exchange(query_of(press(signed_in, asked, "allow"))["code"]).json
    assert granted["scope"] == "offline_access"
    assert granted["refresh_token"]
