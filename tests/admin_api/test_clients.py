"""Clients over the admin API: what is registered, changed, rotated and removed, and who may."""

import pytest
from sqlalchemy import select

from provider.audit.models import AuditEvent
from provider.clients.own import CONSOLE_ID, establish_console
from provider.clients.queries import find_by_client_id
from provider.infrastructure.database import db, transaction
from provider.protocol.permissions import Permission
from tests.factories import make_client, make_session
from tests.support.reads import end_read

BLUE = {
    "client_name": "Blue",
    "redirect_uris": ["https://blue.test/callback"],
    "backchannel_logout_uri": "https://blue.test/logout",
}


def last_entry(tag: str) -> AuditEvent:
    end_read()
    found = select(AuditEvent).where(AuditEvent.tag == tag).order_by(AuditEvent.id.desc()).limit(1)
    return db.session.scalars(found).one()


def pointers(problem) -> list[str]:
    return [one["pointer"] for one in problem["errors"]]


def test_a_client_is_registered_shown_and_listed(admin, cleo):
    made = admin.post("/clients", {"client_id": "blue", "metadata": BLUE}, 201)

    assert made["client"]["metadata"]["redirect_uris"] == BLUE["redirect_uris"]
    # As the command does: refresh tokens, and the claims of the scopes in ID Tokens.
    assert made["client"]["metadata"]["grant_types"] == ["authorization_code", "refresh_token"]
    assert made["client"]["options"]["id_token_claims"] == "scopes"
    assert len(made["client_secret"]) > 30
    assert admin.get("/clients/blue") == made["client"]
    assert made["client_secret"] not in str(admin.get("/clients/blue"))
    assert [one["client_id"] for one in admin.get("/clients", q="BLU")["items"]] == ["blue"]
    entry = last_entry("client_added")
    assert (entry.actor, entry.actor_name, entry.ip) == ("admin", "cleo", "127.0.0.1")
    assert f"account {cleo.id} at tool, from 127.0.0.1" in entry.actor_origin


def test_a_list_is_read_page_by_page_and_filtered(admin):
    names = [f"app-{number}" for number in range(5)]
    for name in names:
        make_client(name)
    seen, after = [], {}
    while True:
        page = admin.get("/clients", limit=2, **after)
        seen += [one["client_id"] for one in page["items"]]
        if page["next"] is None:
            break
        after = {"after": page["next"]}

    # Those of one millisecond are in any order.
    assert sorted(seen) == sorted(["tool", *names])
    assert [one["client_id"] for one in admin.get("/clients", client_id="app-3")["items"]] == ["app-3"]
    assert admin.get("/clients", enabled="false")["items"] == []
    assert admin.get("/clients", q="100%")["items"] == []


def test_a_patch_merges_and_is_recorded_with_before_and_after(admin):
    red = make_client("red", logo_uri="https://red.test/logo.svg")
    patch = {
        "metadata": {"client_name": "Rouge", "logo_uri": None},
        "options": {"slow": True},
        "enabled": False,
    }

    changed = admin.change("PATCH", f"/clients/{red.client_id}", patch)["client"]

    assert (changed["metadata"]["client_name"], changed["enabled"]) == ("Rouge", False)
    assert "logo_uri" not in changed["metadata"]
    assert (changed["options"]["slow"], changed["options"]["first_party"]) == (True, True)
    detail = last_entry("client_updated").detail
    assert detail["before"] == {
        "client_name": "Red", "logo_uri": "https://red.test/logo.svg", "slow": False, "enabled": True
    }  # fmt: skip
    assert detail["after"] == {"client_name": "Rouge", "logo_uri": None, "slow": True, "enabled": False}


def test_of_two_admins_the_later_one_is_refused(admin):
    make_client("red")
    seen = admin.etag("/clients/red")
    admin.change("PATCH", "/clients/red", {"enabled": False}, etag=seen)

    problem = admin.change("PATCH", "/clients/red", {"metadata": {"client_name": "X"}}, 412, etag=seen)

    assert problem["type"] == "urn:curfew:problem:stale_version"
    assert admin.get("/clients/red")["metadata"]["client_name"] == "Red"


@pytest.mark.parametrize(
    ("headers", "code", "name"),
    [
        pytest.param({}, 428, "version_required", id="no version"),
        pytest.param({"If-Match": 'W/"x"'}, 400, "invalid_request", id="a weak one"),
        pytest.param({"If-Match": '"x"'}, 412, "stale_version", id="another one"),
    ],
)
def test_a_change_needs_the_version(admin, headers, code, name):
    make_client("red")

    response = admin.ask("PATCH", "/clients/red", headers=headers, json={"enabled": False})

    assert (response.status_code, response.json["type"]) == (code, f"urn:curfew:problem:{name}")
    assert response.mimetype == "application/problem+json"
    assert response.json["instance"] == f"urn:curfew:request:{response.headers['X-Request-Id']}"


@pytest.mark.parametrize("sent", ["{}", "W/{}", '"other", {}', "*"])
def test_what_the_sender_has_is_not_sent_again(admin, sent):
    """rfc9110 §13.1.2: the comparison is weak, as a proxy that compresses makes the version."""
    make_client("red")
    known = sent.format(admin.etag("/clients/red"))

    response = admin.ask("GET", "/clients/red", headers={"If-None-Match": known})

    assert (response.status_code, response.data) == (304, b"")


def test_a_version_inside_of_another_text_is_not_that_version(admin):
    make_client("red")
    known = admin.etag("/clients/red").strip('"')

    assert admin.ask("GET", "/clients/red", headers={"If-None-Match": f'"x{known}"'}).status_code == 200


@pytest.mark.parametrize(
    ("body", "where"),
    [
        pytest.param({"metadata": BLUE, "client_secret": "mine"}, [""], id="a secret of the sender's choice"),
        pytest.param({"metadata": BLUE, "self_registered": False}, [""], id="a column"),
        pytest.param({"metadata": BLUE | {"epoch": 7}}, ["/metadata/epoch"], id="unknown metadata"),
        pytest.param({"metadata": BLUE, "options": {"epoch": 7}}, ["/options"], id="an unknown option"),
        pytest.param({"metadata": BLUE, "options": {"slow": "yes"}}, ["/options/slow"], id="a wrong type"),
        pytest.param(
            {"metadata": {"redirect_uris": ["x"], "logo_uri": 7}},
            ["/metadata/logo_uri", "/metadata/redirect_uris"],
            id="two wrong members",
        ),
        pytest.param({"metadata": BLUE, "client_id": "x" * 300}, ["/client_id"], id="a long id"),
        pytest.param({}, [""], id="nothing"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(admin, body, where):
    problem = admin.post("/clients", body, 422)

    assert sorted(pointers(problem)) == where
    assert find_by_client_id("blue") is None


def test_an_unwise_redirect_uri_needs_the_field_that_the_refusal_names(admin):
    local = {"metadata": BLUE | {"redirect_uris": ["http://192.168.1.20/callback"]}, "client_id": "blue"}

    [refused] = admin.post("/clients", local, 422)["errors"]

    assert refused["pointer"] == "/metadata/redirect_uris"
    assert "accept_unwise_redirect_uris: true" in refused["detail"]
    assert "--unwise" not in refused["detail"]
    made = admin.post("/clients", local | {"accept_unwise_redirect_uris": True}, 201)
    assert list(made["client"]["unwise_redirect_uris"]) == ["http://192.168.1.20/callback"]


@pytest.mark.parametrize(
    ("more", "code"),
    [
        pytest.param({"data": "{}", "content_type": "text/plain"}, 415, id="another media type"),
        pytest.param(
            {"data": '{"metadata":{},"metadata":{}}', "content_type": "application/json"}, 400, id="twice"
        ),
        pytest.param({"data": "[]", "content_type": "application/json"}, 400, id="no object"),
        pytest.param({"data": '"\\u0000"', "content_type": "application/json"}, 400, id="a text"),
        pytest.param({"json": {"metadata": {"client_name": "\0"}}}, 400, id="NUL"),
        pytest.param({"json": {"metadata": BLUE}, "query_string": {"x": "y"}}, 422, id="a parameter"),
    ],
)
def test_a_body_in_another_form_is_refused(admin, more, code):
    assert admin.ask("POST", "/clients", **more).status_code == code


def test_unknown_parameters_and_cursors_are_refused(admin):
    for query in (
        {"colour": "red"},
        {"limit": "0"},
        {"limit": "1000"},
        {"after": "1; DROP"},
        {"enabled": "x"},
    ):
        assert admin.get("/clients", 422, **query)["type"] == "urn:curfew:problem:invalid_input"
    assert admin.ask("GET", "/clients?limit=1&limit=2").status_code == 400


def test_a_secret_is_rotated_with_overlap_and_shown_once(admin):
    make_client("red")

    shown = admin.post("/client-secrets/red", {"overlap": 60})

    assert shown["client_secret"] not in str(admin.get("/clients/red"))
    assert admin.get("/clients/red")["previous_secret_expires_at"] == shown["previous_secret_expires_at"]
    public = make_client("green", token_endpoint_auth_method="none")
    assert admin.post(f"/client-secrets/{public.client_id}", {}, 409)["type"].endswith(":conflict")


def test_a_client_is_removed_after_a_look_at_what_ends(admin, ada):
    make_session(ada, [make_client("red")])

    assert admin.get("/client-removal-previews/red") == {
        "client_sessions": 1, "grants": 1, "service_tokens": 0, "pending_notifications": 0
    }  # fmt: skip
    admin.change("DELETE", "/clients/red", code=204)
    assert admin.get("/clients/red", 404)["type"] == "urn:curfew:problem:not_found"


def test_no_further_permissions_through_a_client(as_service):
    robot = as_service(f"{Permission.READ} {Permission.CHANGE_CLIENTS}")
    stronger = make_client("keeper", scope=f"openid {Permission.CHANGE_ROLES}")
    more = {"scope": f"openid {Permission.CHANGE_ROLES}"}

    refused = robot.post("/clients", {"metadata": BLUE | more}, 403)

    assert "curfew:roles:write" in refused["detail"]
    robot.change("PATCH", f"/clients/{stronger.client_id}", {"enabled": False}, 403)
    robot.post(f"/client-secrets/{stronger.client_id}", {}, 403)
    robot.post("/clients", {"metadata": BLUE | {"scope": f"openid {Permission.CHANGE_CLIENTS}"}}, 201)


def test_the_consoles_own_client_is_left_alone(admin):
    with transaction():
        establish_console("http://localhost:8900/admin/callback")

    admin.change("PATCH", f"/clients/{CONSOLE_ID}", {"enabled": False}, 403)
    admin.change("DELETE", f"/clients/{CONSOLE_ID}", code=403)
    admin.post(f"/client-secrets/{CONSOLE_ID}", {}, 403)
