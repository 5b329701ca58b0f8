"""`/register`: who may register a client, and the responses (rfc7591, registration §3)."""

import json
from dataclasses import replace

import pytest
from sqlalchemy import func, select

from provider.audit.models import AuditEvent
from provider.clients import initial_access, queries
from provider.clients.models import Client
from provider.infrastructure.database import db, transaction
from provider.protocol.client_metadata import FIELDS
from tests.support.browsers import ISSUER, Page, follow, query_of
from tests.support.certificates import BEHIND_PROXY
from tests.support.reads import end_read
from tests.support.registering import SMALLEST, Registrant, bearer
from tests.support.relying_party import CHALLENGE, VERIFIER

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def settings(settings, request):
    """Registration is open, and a test may ask for more by `indirect` settings."""
    changed = getattr(request, "param", {})
    return replace(settings, **{"registration": "open", "registration_limit": "1000 per second"} | changed)


@pytest.fixture
def registrant(app):
    return Registrant(app.test_client(use_cookies=False))


def with_settings(**changed):
    return pytest.mark.parametrize("settings", [changed], indirect=True, ids=[""])


def initial_token(**options) -> str:
    with transaction():
        return initial_access.create(**options)[1]


def count_clients() -> int:
    end_read()
    return db.session.scalar(select(func.count()).select_from(Client))


@pytest.mark.spec("registration 3, rfc7591 §3.2.1")
def test_a_registrant_registers_a_client_and_receives_all_of_it(registrant):
    response = registrant.register(client_name="Red", contacts=["ops@red.test"], software_version="1")

    body = response.json
    assert response.status_code == 201
    assert response.headers["Content-Type"] == "application/json"
    assert (response.headers["Cache-Control"], response.headers["Pragma"]) == ("no-store", "no-cache")
    assert body["registration_client_uri"] == f"{ISSUER}/register/{body['client_id']}"
    assert {"client_secret", "client_id_issued_at", "registration_access_token"} <= body.keys()
    assert body["client_secret_expires_at"] == 0
    assert body["redirect_uris"] == SMALLEST["redirect_uris"]
    assert (body["client_name"], body["contacts"], body["software_version"]) == ("Red", ["ops@red.test"], "1")
    # What was not sent has the default of the specifications.
    assert (body["token_endpoint_auth_method"], body["grant_types"]) == (
        "client_secret_basic",
        ["authorization_code"],
    )


@pytest.mark.spec("registration 1, core 16")
def test_such_a_client_keeps_the_defaults_of_the_specifications(registrant):
    body = registrant.registered(id_token_claims="scopes", any_secret_method=True)

    client = queries.get_by_client_id(body["client_id"])
    assert client.auth_methods == ("client_secret_basic",)
    assert client.id_token_claims == "requested"
    assert body["id_token_signed_response_alg"] == "RS256"


def test_such_a_client_is_a_third_party_and_in_the_audit(registrant):
    body = registrant.registered(first_party=True, offline_policy="ask", deliver_to="http://127.0.0.1/x")

    end_read()
    client = queries.get_by_client_id(body["client_id"])
    assert client.self_registered
    assert not client.first_party
    assert (client.offline_policy, client.deliver_to) == ("keep", None)
    event = db.session.scalars(select(AuditEvent)).one()
    assert (event.tag, event.actor, event.client_id) == ("client_added", "client", client.client_id)
    for secret in (body["client_secret"], body["registration_access_token"]):
        assert secret not in json.dumps(event.detail)


def test_what_it_receives_is_enough_to_sign_people_in(signed_in, app, registrant):
    body = registrant.registered(token_endpoint_auth_method="client_secret_post", client_name="Red")
    redirect_uri = body["redirect_uris"][0]
    asked = {
        "client_id": body["client_id"],
        "redirect_uri": redirect_uri,
        "response_type": "code",
        "scope": "openid",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    # No person has agreed to what a registrant's app asks for; it asks in a hidden frame.
    refused = signed_in.get(
        "/authorize", query_string=asked | {"prompt": "none"}, headers={"Sec-Fetch-Dest": "iframe"}
    )
    assert query_of(refused)["error"] == "consent_required"

    page = Page(signed_in, follow(signed_in, signed_in.get("/authorize", query_string=asked)))
    code = query_of(follow(signed_in, page.press("allow")))["code"]
    proof = {"client_id": body["client_id"], "client_secret": body["client_secret"]}
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
    tokens = registrant.http.post("/token", data=form | proof | {"code_verifier": VERIFIER}).json
    assert tokens["id_token"]

    assert registrant.delete(body).status_code == 204
    userinfo = registrant.http.get("/userinfo", headers=bearer(tokens["access_token"]))
    assert userinfo.status_code == 401


@ON_SQLITE
@with_settings(registration="off")
def test_where_registration_is_off_there_is_no_such_address(registrant):
    assert registrant.register().status_code == 404
    assert registrant.http.get("/register/red").status_code == 404
    assert "registration_endpoint" not in registrant.http.get("/.well-known/openid-configuration").json


@ON_SQLITE
def test_where_it_is_on_discovery_says_so(registrant):
    document = registrant.http.get("/.well-known/openid-configuration").json

    assert document["registration_endpoint"] == f"{ISSUER}/register"


@pytest.mark.spec("rfc7591 §3")
@with_settings(registration="token")
def test_an_initial_access_token_is_used_by_what_succeeds_alone(registrant):
    token = initial_token()
    without = registrant.register()

    assert (without.status_code, "error" in without.headers["WWW-Authenticate"]) == (401, False)
    assert registrant.register("cfi_unknown").json["error"] == "invalid_token"
    assert registrant.register(token, redirect_uris=["x"]).status_code == 400
    assert registrant.register(token).status_code == 201
    assert registrant.register(token).status_code == 401
    assert count_clients() == 1


@ON_SQLITE
def test_it_is_remembered_who_registered_a_client(registrant):
    with transaction():
        row, token = initial_access.create(most_uses=2)
    token_id = row.id

    by_token = [registrant.register(token).json["client_id"] for _ in range(2)]
    by_network = registrant.registered()["client_id"]

    end_read()
    found = dict(db.session.execute(select(Client.client_id, Client.registrant)).all())
    assert {found[one] for one in by_token} == {f"token:{token_id}"}
    assert found[by_network] == "network:127.0.0.1"


def test_where_everybody_may_a_bad_token_is_still_bad(registrant):
    assert registrant.register("cfi_unknown").status_code == 401
    assert registrant.register(initial_token()).status_code == 201


@ON_SQLITE
@pytest.mark.spec("registration 1, rfc7591 §2.2")
def test_members_in_other_languages_are_kept(registrant):
    names = {
        "client_name": "Red",
        "client_name#de": "Rot",
        "policy_uri#de-CH": "https://red.test/datenschutz",
    }

    body = registrant.registered(**names, **{"client_name#": "x", "scope#de": "x", "client_name#d e": "x"})

    assert names.items() <= body.items()
    assert {name for name in body if "#" in name} == {"client_name#de", "policy_uri#de-CH"}
    assert names.items() <= registrant.read(body).json.items()


EVERYTHING = {
    "redirect_uris": ["https://red.test/callback"],
    "response_types": ["code"],
    "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
    "application_type": "web",
    "contacts": ["ops@red.test"],
    "client_name": "Red",
    "logo_uri": "https://red.test/logo.png",
    "client_uri": "https://red.test/",
    "policy_uri": "https://red.test/policy",
    "tos_uri": "https://red.test/terms",
    "jwks_uri": "https://red.test/jwks",
    "subject_type": "pairwise",
    "id_token_signed_response_alg": "ES256",
    "token_endpoint_auth_method": "private_key_jwt",
    "token_endpoint_auth_signing_alg": "PS256",
    "default_max_age": 600,
    "require_auth_time": True,
    "default_acr_values": ["urn:x"],
    "initiate_login_uri": "https://red.test/start",
    "request_uris": ["https://red.test/request"],
    "request_object_signing_alg": "ES256",
    "post_logout_redirect_uris": ["https://red.test/out"],
    "backchannel_logout_uri": "https://red.test/told",
    "backchannel_logout_session_required": True,
    "frontchannel_logout_uri": "https://red.test/frame",
    "frontchannel_logout_session_required": True,
    "software_id": "red",
    "software_version": "1.2",
    "dpop_bound_access_tokens": True,
    "require_pushed_authorization_requests": True,
    "tls_client_certificate_bound_access_tokens": True,
}


@ON_SQLITE
@with_settings(**BEHIND_PROXY)
@pytest.mark.spec(
    "registration 1",
    "registration 2",
    "rfc9126 2",
    "rfc9449 2",
    "rfc8705 §3.4",
    "rpinitiated 7",
    "rpinitiated 8",
    "backchannel OP 2",
)
def test_every_field_is_kept_under_its_wire_name(registrant):
    body = registrant.registered(**EVERYTHING)

    assert EVERYTHING.items() <= body.items()
    assert registrant.read(body).json.items() >= EVERYTHING.items()
    assert EVERYTHING.keys() <= set(FIELDS)
    assert "client_secret" not in body


@ON_SQLITE
@with_settings(registration_scopes=("invoices:read",))
def test_the_operator_may_open_more_scopes(registrant):
    assert registrant.registered(scope="openid invoices:read")["scope"] == "openid invoices:read"
    # rfc6749 §4.4: in a token of the client's own it would have it without anybody's consent.
    for_itself = {"grant_types": ["client_credentials"], "redirect_uris": []}
    assert registrant.register(scope="invoices:read", **for_itself).status_code == 400
    assert registrant.register(scope="openid invoices:write").status_code == 400


@pytest.mark.spec("rfc6749 §4.4, SEC-802")
@ON_SQLITE
@with_settings(registration_scopes=("invoices:read",))
def test_what_a_client_may_ask_people_for_it_does_not_get_for_itself_later(registrant):
    """In two steps no more than in one: first the scope, then the grant that asks no person."""
    for_itself = {"grant_types": ["authorization_code", "client_credentials"]}
    made = registrant.registered(scope="openid invoices:read")

    assert registrant.replace(made, scope="openid invoices:read", **for_itself).status_code == 400
    kept = registrant.replace(made, scope="openid", **for_itself).json
    assert registrant.replace(kept, scope="openid invoices:read", **for_itself).status_code == 400


@ON_SQLITE
def test_what_the_operator_gave_a_client_for_itself_it_keeps(registrant):
    made = registrant.registered(scope="openid", grant_types=["authorization_code", "client_credentials"])
    with transaction():
        row = queries.get_by_client_id(made["client_id"])
        row.registered = {**row.registered, "scope": "openid invoices:read"}

    kept = registrant.replace(made, scope="openid invoices:read", grant_types=made["grant_types"])

    assert kept.json["scope"] == "openid invoices:read"


@pytest.mark.parametrize("text", ["\0", "\ud800"], ids=["NUL", "an unpaired surrogate"])
def test_nothing_is_kept_that_would_fail_the_queries_about_others(registrant, text):
    key = {"kty": "OKP", "crv": "Ed25519", "x": "AAAA", "note": text}
    body = registrant.registered()["client_id"]

    refused = registrant.register(jwks={"keys": [key]})

    assert (refused.status_code, refused.json["error"]) == (400, "invalid_client_metadata")
    # As the outbox asks where all of them want to hear of logouts.
    end_read()
    read = select(Client.client_id, Client.registered["backchannel_logout_uri"].as_string())
    assert db.session.execute(read).all() == [(body, None)]
