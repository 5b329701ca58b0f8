"""Keys, audit, settings, resource servers and initial access tokens over the admin API."""

import json

import pytest
from sqlalchemy import select

from provider.audit.models import AuditEvent
from provider.infrastructure.database import db
from provider.infrastructure.opaque_tokens import new_id
from tests.conftest import FAST_SETTINGS
from tests.factories import PASSWORD, make_client, secret_of
from tests.support.reads import end_read


def test_keys_are_listed_rotated_and_withdrawn(admin):
    known = admin.get("/keys")["items"]
    assert {one["state"] for one in known} == {"active"}
    assert "private" not in json.dumps(known)

    (made,) = admin.post("/keys/rotate", {"alg": "ES256"})["items"]
    assert (made["event"], made["alg"]) == ("key_created", "ES256")

    stolen = next(one["kid"] for one in known if one["alg"] == "ES256")
    assert "key_compromised" in {
        one["event"] for one in admin.post("/keys/compromise", {"kid": stolen})["items"]
    }
    assert admin.post("/keys/compromise", {"kid": stolen})["items"] == []
    admin.post("/keys/compromise", {"kid": "nothing"}, 404)
    admin.post("/keys/rotate", {"alg": "HS256"}, 422)


def test_the_audit_is_searched_page_by_page(admin, ada):
    for name in ("x1", "x2", "x3"):
        admin.post("/people", {"username": name}, 201)

    first = admin.get("/audit-events", event="account_added", by="cleo", limit=2)
    rest = admin.get("/audit-events", event="account_added", by="cleo", limit=2, after=first["next"])

    found = [*first["items"], *rest["items"]]
    assert [one["event"] for one in found] == ["account_added"] * 3
    assert found[0]["at"] >= found[2]["at"]
    assert {(one["actor"], one["actor_name"], one["ip"]) for one in found} == {("admin", "cleo", "127.0.0.1")}
    assert admin.get("/audit-events", person_id=ada.id, event="account_added")["items"] == []
    admin.get("/audit-events", 422, event="nothing")
    admin.get("/audit-events", 422, after=str(new_id()))


def test_settings_say_where_they_come_from_and_no_secret(admin):
    found = admin.get("/settings")

    by_name = {one["name"]: one for one in found["items"]}
    assert by_name["issuer"]["value"] == "http://localhost:8900"
    assert by_name["admin_sign_in_age"]["source"] == "default"
    assert FAST_SETTINGS["secret_key"] not in json.dumps(found)
    assert any("http" in one["problem"] for one in found["problems"])


def test_a_resource_server_is_registered_and_removed(admin):
    make_client("orders")
    asked = {"identifier": "https://api.test/", "scopes": ["read"], "client_id": "orders", "name": "Orders"}

    made = admin.post("/resources", asked, 201)

    assert admin.get("/resources", identifier="https://api.test/")["items"] == [made]
    assert (made["client_id"], made["scopes"]) == ("orders", ["read"])
    admin.post("/resources", asked, 409)
    admin.post("/resources", {"identifier": "no uri"}, 422)
    admin.change("DELETE", f"/resources/{made['id']}", code=204)
    admin.get(f"/resources/{made['id']}", 404)


def test_an_initial_access_token_is_shown_once_and_revoked(admin):
    made = admin.post("/initial-access-tokens", {"name": "Ben", "most_uses": 2}, 201)

    listed = admin.get("/initial-access-tokens")["items"]
    assert listed == [made["initial_access_token"]]
    assert made["token"] not in json.dumps(listed)
    path = f"/initial-access-tokens/{made['initial_access_token']['id']}"
    assert admin.ask("DELETE", path).status_code == 204
    assert admin.ask("DELETE", path).status_code == 404
    admin.post("/initial-access-tokens", {"expires_at": "2001-01-01T00:00:00Z"}, 422)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_no_secret_is_in_any_response_the_audit_or_the_log(admin, ada, capfd):
    """Everything that can be read is read after secrets were made; each is searched for."""
    made = admin.post("/clients", {"metadata": {"redirect_uris": ["https://blue.test/cb"]}}, 201)
    client_id = made["client"]["client_id"]
    rotated = admin.post(f"/client-secrets/{client_id}", {})
    link = admin.post(f"/people/{ada.id}/reset")["link"]
    token = admin.post("/initial-access-tokens", {}, 201)["token"]
    secrets = [made["client_secret"], rotated["client_secret"], link.rpartition("/")[2], token, admin.token]

    lists = ["clients", "people", "sessions", "grants", "deliveries", "logouts", "bulk-logouts", "keys"]
    lists += ["audit-events", "settings", "resources", "initial-access-tokens"]
    responses = "\n".join(json.dumps(admin.get(f"/{one}")) for one in lists)
    end_read()
    audit = "\n".join(json.dumps(one.detail) for one in db.session.scalars(select(AuditEvent)))
    written = "".join(capfd.readouterr())
    for secret in [*secrets, PASSWORD, secret_of("tool"), FAST_SETTINGS["secret_key"]]:
        assert secret not in responses
        assert secret not in audit
        assert secret not in written
