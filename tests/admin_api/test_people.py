"""People over the admin API: searched, added, changed, disabled, reset, given roles, deleted."""

from uuid import UUID

import pytest
from sqlalchemy import select

from provider.accounts.models import Account
from provider.accounts.roles import Role
from provider.audit.models import AuditEvent
from provider.infrastructure.database import db, transaction
from provider.infrastructure.opaque_tokens import new_id
from tests.factories import make_account, make_client, make_session
from tests.support.reads import end_read


def tags_of(account_id) -> set[str]:
    end_read()
    return set(db.session.scalars(select(AuditEvent.tag).where(AuditEvent.account_id == account_id)))


def test_a_person_is_added_found_and_changed(admin):
    made = admin.post("/people", {"username": "Ada", "claims": {"name": "Ada L."}}, 201)
    path = f"/people/{made['id']}"

    assert (made["has_password"], made["role"], made["enabled"]) == (False, None, True)
    assert admin.get("/people", q="AD")["items"] == [made]
    assert admin.get("/people", username="ada")["items"] == admin.get("/people", sub=made["sub"])["items"]
    patch = {"username": "ada.l", "claims": {"nickname": "Countess", "name": None}}
    changed = admin.change("PATCH", path, patch)
    assert (changed["username"], changed["claims"]["nickname"]) == ("ada.l", "Countess")
    assert "name" not in changed["claims"]
    assert admin.get("/people", q="b")["items"] == []


def test_people_are_found_by_their_email_address_as_it_is_now(admin):
    made = admin.post("/people", {"username": "zoe", "claims": {"email": "Zoe.Maier@Example.test"}}, 201)
    path, found = f"/people/{made['id']}", {"email": "zoe.maier@example.TEST"}
    assert [one["username"] for one in admin.get("/people", **found)["items"]] == ["zoe"]
    assert admin.get("/people", email="zoe.maier")["items"] == []

    admin.change("PATCH", path, {"claims": {"email": "zoe@example.test"}})
    assert admin.get("/people", **found)["items"] == []
    assert len(admin.get("/people", email="zoe@example.test")["items"]) == 1
    admin.change("DELETE", path)

    end_read()
    assert db.session.get_one(Account, UUID(made["id"])).folded_email is None


def test_disabling_signs_out_everywhere(admin, ada):
    made = make_session(ada, [make_client("red")])

    assert admin.change("PATCH", f"/people/{ada.id}", {"enabled": False})["enabled"] is False

    db.session.refresh(made.session)
    assert made.session.ended_at is not None
    assert {"account_disabled", "logout"} <= tags_of(ada.id)
    assert [one["username"] for one in admin.get("/people", enabled="false")["items"]] == ["ada"]
    assert admin.change("PATCH", f"/people/{ada.id}", {"enabled": True})["enabled"] is True


@pytest.mark.spec("SEC-629")
def test_a_reset_gives_out_a_link_and_no_password_is_chosen(admin, http, ada):
    make_session(ada)

    shown = admin.post(f"/people/{ada.id}/reset")

    assert shown["ended"]["sessions_ended"] == 1
    path = shown["link"].removeprefix("http://localhost:8900")
    assert http.get(path).status_code == 200
    assert admin.change("PATCH", f"/people/{ada.id}", {"password": "a chosen phrase"}, 422)
    assert admin.get(f"/people/{ada.id}")["has_password"] is False


def test_a_role_is_given_and_taken(admin, ada, cleo):
    path = f"/people/{ada.id}"

    assert admin.change("PUT", f"{path}/role", {"role": "viewer"}, of=path)["role"] == "viewer"
    assert [one["username"] for one in admin.get("/people", role="viewer")["items"]] == ["ada"]
    assert admin.change("PUT", f"{path}/role", {"role": None}, of=path)["role"] is None
    problem = admin.change("PUT", f"/people/{cleo.id}/role", {"role": None}, 409, of=f"/people/{cleo.id}")
    assert "last administrator" in problem["detail"]
    admin.change("PUT", f"{path}/role", {"role": "root"}, 422, of=path)


def test_the_last_administrator_cannot_disable_or_delete_themselves(admin, cleo):
    assert admin.change("PATCH", f"/people/{cleo.id}", {"enabled": False}, 409)
    assert admin.change("DELETE", f"/people/{cleo.id}", code=409)


def test_an_operator_cannot_act_on_a_person_above(as_person, ada, ben, cleo):
    with transaction():
        db.session.get(Account, cleo.id).role = Role.ADMINISTRATOR
    operator = as_person(ben, Role.OPERATOR)

    for method, path, body in (
        ("PATCH", f"/people/{cleo.id}", {"enabled": False}),
        ("DELETE", f"/people/{cleo.id}", None),
    ):
        assert operator.change(method, path, body, 403)["type"] == "urn:curfew:problem:not_permitted"
    assert operator.post(f"/people/{cleo.id}/reset", code=403)
    assert operator.post(f"/people/{ada.id}/reset")


def test_a_person_is_deleted(admin, ada):
    assert admin.change("DELETE", f"/people/{ada.id}")["sessions_ended"] == 0

    assert admin.get(f"/people/{ada.id}", 404)
    assert admin.get("/people", username="ada")["items"] == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param({"username": "ada"}, 409, id="a taken name"),
        pytest.param({"username": "a\u202eb"}, 422, id="an invisible sign"),
        pytest.param({"username": "x" * 300}, 422, id="a long name"),
        pytest.param({"username": "x", "claims": {"sub": "other"}}, 422, id="a claim that is not theirs"),
        pytest.param({"username": "x", "role": "administrator"}, 422, id="a role with it"),
    ],
)
def test_what_cannot_be_is_refused(admin, ada, body, code):
    admin.post("/people", body, code)


def test_an_unknown_person_is_not_found(admin):
    for path in (f"/people/{new_id()}", "/people/nobody"):
        assert admin.get(path, 404)["type"] == "urn:curfew:problem:not_found"


def test_a_search_is_read_page_by_page(admin):
    for number in range(3):
        make_account(f"ada{number}")
    make_account("adb")

    first = admin.get("/people", q="ada", limit=2)
    rest = admin.get("/people", q="ada", limit=2, after=first["next"])

    found = [one["username"] for one in (*first["items"], *rest["items"])]
    assert sorted(found) == ["ada0", "ada1", "ada2"]
    assert rest["next"] is None
