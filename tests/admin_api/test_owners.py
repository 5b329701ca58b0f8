"""The configuration that owns a client, resource server or role: the admin API shows it, never sets it."""

from uuid import UUID

import pytest

from provider.configuration.entries import Kind
from provider.infrastructure import owned_objects
from provider.infrastructure.database import transaction
from tests.factories import make_client

OWNER = "shop-team"
PERSON = "/people/{cleo}"


def own(**objects: UUID) -> None:
    """Give objects to a configuration, by their kinds."""
    with transaction():
        for kind, object_id in objects.items():
            owned_objects.give(Kind(kind), object_id, OWNER)


def test_the_owner_of_a_client_is_shown_kept_and_part_of_its_version(admin):
    red = make_client("red")
    make_client("green")
    before = admin.etag("/clients/red")
    own(client=red.id)

    owners = {one["client_id"]: one["managed_by"] for one in admin.get("/clients")["items"]}
    assert owners == {"tool": None, "red": OWNER, "green": None}
    assert admin.get("/clients/red")["managed_by"] == OWNER
    admin.change("PATCH", "/clients/red", {"enabled": False}, 412, etag=before)
    assert admin.change("PATCH", "/clients/red", {"enabled": False})["client"]["managed_by"] == OWNER


def test_the_owners_of_resource_servers_and_roles_are_shown(admin, cleo, ada):
    made = admin.post("/resources", {"identifier": "https://api.test/"}, 201)
    own(resource=UUID(made["id"]), role=cleo.id)

    assert made["managed_by"] is None
    assert admin.get(f"/resources/{made['id']}")["managed_by"] == OWNER
    assert [one["managed_by"] for one in admin.get("/resources")["items"]] == [OWNER]
    assert admin.get(f"/people/{cleo.id}")["role_managed_by"] == OWNER
    owners = {one["username"]: one["role_managed_by"] for one in admin.get("/people")["items"]}
    assert owners == {"cleo": OWNER, "ada": None}


def test_a_role_that_was_taken_away_by_hand_has_no_owner(admin, ada):
    own(role=ada.id)

    assert admin.get(f"/people/{ada.id}")["role_managed_by"] is None


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/clients", {"metadata": {"redirect_uris": ["https://a.test/cb"]}, "managed_by": OWNER}),
        ("PATCH", "/clients/tool", {"managed_by": None}),
        ("POST", "/resources", {"identifier": "https://api.test/", "managed_by": OWNER}),
        ("PATCH", PERSON, {"role_managed_by": OWNER}),
        ("PUT", f"{PERSON}/role", {"role": "viewer", "role_managed_by": OWNER}),
    ],
)
def test_no_request_sets_an_owner(admin, cleo, method, path, body):
    headers = {} if method == "POST" else {"If-Match": "*"}

    response = admin.ask(method, path.format(cleo=cleo.id), headers=headers, json=body)

    assert (response.status_code, "managed_by" in response.json["errors"][0]["detail"]) == (422, True)
