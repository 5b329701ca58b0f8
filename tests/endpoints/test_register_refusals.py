"""Registrations that `/register` refuses, and what it says about each (rfc7591 §3.2.2)."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import settings as trying
from hypothesis import strategies as st

from provider.protocol.client_metadata import FIELDS
from tests.endpoints.test_register import ON_SQLITE, count_clients, with_settings
from tests.factories import make_client
from tests.support.registering import SMALLEST, Registrant


@pytest.fixture
def settings(settings, request):
    """Registration is open, and a test may ask for more by `indirect` settings."""
    changed = getattr(request, "param", {})
    return replace(settings, **{"registration": "open", "registration_limit": "1000 per second"} | changed)


@pytest.fixture
def registrant(app):
    return Registrant(app.test_client(use_cookies=False))


@pytest.mark.spec("registration 3, rfc7591 §3.2.2")
@ON_SQLITE
@pytest.mark.parametrize(
    ("members", "error"),
    [
        pytest.param({"redirect_uris": []}, "invalid_redirect_uri", id="no redirect URI"),
        pytest.param({"redirect_uris": ["https://red.test/#x"]}, "invalid_redirect_uri", id="a fragment"),
        pytest.param({"redirect_uris": ["javascript:alert(1)"]}, "invalid_redirect_uri", id="a script"),
        pytest.param({"redirect_uris": ["https://red.test/*"] * 101}, "invalid_redirect_uri", id="too many"),
        pytest.param({"logo_uri": "javascript:alert(1)"}, "invalid_client_metadata", id="a script as logo"),
        pytest.param({"client_name": 7}, "invalid_client_metadata", id="a number for a name"),
        pytest.param({"client_name#de": "R\u202eot"}, "invalid_client_metadata", id="THR-34: in translation"),
        pytest.param({"tos_uri#de": "data:x"}, "invalid_client_metadata", id="an address in translation"),
        pytest.param({"jwks_uri": "https://127.0.0.2:1/k"}, None, id="the operator allows this network"),
        pytest.param({"jwks_uri": "https://10.0.0.1/k"}, "invalid_client_metadata", id="ABU-10: SSRF"),
        pytest.param(
            {"backchannel_logout_uri": "http://169.254.169.254/x"},
            "invalid_client_metadata",
            id="THR-43: SSRF",
        ),
        pytest.param(
            {"sector_identifier_uri": "https://10.0.0.1/s"}, "invalid_client_metadata", id="URL-57: SSRF"
        ),
        pytest.param({"scope": "openid account"}, "invalid_client_metadata", id="SEC-802: the account API"),
        pytest.param(
            {"scope": "global_token_revocation", "grant_types": ["client_credentials"]},
            "invalid_client_metadata",
            id="SEC-802: to sign everybody out",
        ),
        pytest.param({"scope": "invoices:write"}, "invalid_client_metadata", id="a resource server's scope"),
        pytest.param(
            {"grant_types": ["urn:ietf:params:oauth:grant-type:token-exchange"]},
            "invalid_client_metadata",
            id="to act for people",
        ),
        pytest.param({"response_types": ["id_token"]}, "invalid_client_metadata", id="not offered here"),
        pytest.param(
            {"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_san_dns": "red.test"},
            "invalid_client_metadata",
            id="certificates, which no proxy passes on",
        ),
        pytest.param(
            {"tls_client_certificate_bound_access_tokens": True},
            "invalid_client_metadata",
            id="bound to those",
        ),
        pytest.param({"id_token_encrypted_response_alg": "RSA1_5"}, "invalid_client_metadata", id="secrecy"),
        pytest.param({"software_statement": "e30.e30.x"}, "invalid_software_statement", id="a bad statement"),
        pytest.param({"software_statement": 7}, "invalid_software_statement", id="a number for a statement"),
        pytest.param({"flavour": "salt", "client_id": "red", "client_secret": "x"}, None, id="unknown"),
    ],
)
def test_what_is_wrong_is_reported_by_the_specified_error(registrant, members, error):
    response = registrant.register(**members)

    if error is None:
        assert response.status_code == 201
        assert not {"flavour"} & response.json.keys()
        assert response.json["client_id"] != "red"
        return
    assert (response.status_code, response.json["error"]) == (400, error)
    assert response.json["error_description"].isascii()
    assert response.headers["Cache-Control"] == "no-store"
    assert count_clients() == 0


@pytest.mark.spec("THR-44")
@ON_SQLITE
def test_a_registrant_learns_nothing_of_our_network(registrant):
    addresses = ["https://10.0.0.1/k", "https://169.254.169.254/k", "https://[fe80::1]/k"]

    descriptions = {
        registrant.register(backchannel_logout_uri=uri).json["error_description"] for uri in addresses
    }

    assert descriptions == {"backchannel_logout_uri cannot be called: the target is not allowed"}


@ON_SQLITE
@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        pytest.param(b"{", "application/json", 400, id="half an object"),
        pytest.param(b"[]", "application/json", 400, id="an array"),
        pytest.param(b"", "application/json", 400, id="nothing"),
        pytest.param(b"[" * 100_000, "application/json", 400, id="a hundred thousand levels"),
        pytest.param(b'{"jwks": {"keys": [{"x": 1e999}]}}', "application/json", 400, id="infinity"),
        pytest.param(b'{"a": 1, "a": 2}', "application/json", 400, id="SEC-1503: a name twice"),
        pytest.param(b"redirect_uris=x", "application/x-www-form-urlencoded", 400, id="a form"),
        pytest.param(b'{"x": "' + b"y" * 200_000 + b'"}', "application/json", 413, id="a large body"),
    ],
)
def test_a_body_that_is_no_plain_object_is_refused(registrant, body, content_type, status):
    response = registrant.http.post("/register", data=body, content_type=content_type)

    assert response.status_code == status
    assert response.json["error"] == "invalid_request"


@ON_SQLITE
def test_parameters_in_the_address_are_refused(registrant):
    assert registrant.http.post("/register?client_name=x", json=SMALLEST).status_code == 400


@ON_SQLITE
@pytest.mark.spec("rfc7591 §5")
@pytest.mark.parametrize("name", ["Red Bank", "RED  bank", "Red\u00a0Bank", "\uff32ed Bank"])
def test_a_registrant_is_not_called_like_an_app_of_the_operator(registrant, name):
    make_client("bank", client_name="Red Bank")

    assert registrant.register(client_name=name).json["error"] == "invalid_client_metadata"
    assert registrant.register(**{"client_name": "Blue", "client_name#de": name}).status_code == 400
    assert registrant.register(client_name="Blue Bank").status_code == 201
    # Registrants among themselves have no names that are theirs.
    assert registrant.register(client_name="Blue Bank").status_code == 201


@ON_SQLITE
@with_settings(registration_limit="3 per hour")
def test_an_address_registers_so_many_clients_and_no_more(registrant):
    responses = [registrant.register() for _ in range(4)]

    assert [response.status_code for response in responses] == [201, 201, 201, 429]
    assert responses[-1].headers["Retry-After"]
    assert count_clients() == 3


@ON_SQLITE
def test_another_method_is_answered_with_the_right_ones(registrant):
    assert registrant.http.get("/register").status_code == 405
    assert registrant.http.post("/register/red").status_code == 405


members = st.sampled_from([*FIELDS, "software_statement", "client_name#de", "x"])


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@ON_SQLITE
@trying(max_examples=60)
@given(asked=st.dictionaries(members, values, max_size=6))
def test_no_metadata_breaks_the_endpoint(registrant, asked):
    response = registrant.http.post(
        "/register", data=json.dumps(SMALLEST | asked), content_type="application/json"
    )

    assert response.status_code in (201, 400)
