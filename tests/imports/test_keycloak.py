"""Keycloak's exports: people keep their `sub` and their password, apps their addresses and secrets."""

import json

import pytest
from sqlalchemy import select

from provider.accounts import passwords
from provider.accounts.models import Account
from provider.accounts.queries import get_by_username
from provider.audit.models import AuditEvent
from provider.authentication.browser import Browser
from provider.authentication.password import Admitted, Credentials, Right, check, conclude
from provider.clients.queries import get_by_client_id
from provider.clients.secrets import check_secret
from provider.infrastructure.database import db, transaction
from tests.imports.keycloak_realm import ADA, BEN, PBKDF2, REALM, SECRET


@pytest.fixture
def database_url(own_sqlite):
    return own_sqlite


@pytest.fixture
def realm(export):
    return export(REALM)


def remarks(report: dict, part: str) -> dict[str, int]:
    return {one["sentence"]: one["count"] for one in report[part]}


def test_a_realm_is_taken_with_a_report(curfew, realm, looking):
    report = curfew("import", "keycloak", realm, "--yes", "--json").json

    assert report["clients"] == {"taken": 3, "not taken": 2}
    assert report["people"] == {"taken": 2}
    lost, changed = remarks(report, "not_taken"), remarks(report, "changed")
    assert lost == {
        "settings of the realm, such as lifetimes and the password policy; see curfew settings": 1,
        "groups": 2,
        "the client: it is a resource server; see curfew resource add": 1,
        "the client: it speaks saml": 1,
        "direct access grants (the app would see passwords)": 2,
        "the client scope warehouse": 2,
        "redirect_uris with a wildcard: register each exact address": 2,
        "the attribute tenant_id": 1,
        "roles": 1,
        "a one-time password device": 1,
    }
    assert changed["gets a new secret: the export has none, or hides it"] == 1
    assert list(report["client_secrets"]) == ["hidden"]
    assert SECRET not in json.dumps(report)


def test_an_app_keeps_its_addresses_and_its_secret(curfew, realm, looking):
    curfew("import", "keycloak", realm, "--yes", "--only", "clients")

    shop = curfew("client", "show", "shop", "--json").json
    assert shop["redirect_uris"] == ["https://shop.example/callback"]
    assert shop["post_logout_redirect_uris"] == [
        "https://shop.example/callback",
        "https://shop.example/signed-out",
    ]
    assert shop["backchannel_logout_uri"] == "https://shop.example/backchannel-logout"
    assert shop["backchannel_logout_session_required"] is True
    assert shop["grant_types"] == ["authorization_code", "refresh_token", "client_credentials"]
    assert shop["scope"] == "openid profile email address phone offline_access"
    assert (shop["first_party"], shop["offline_policy"], shop["client_name"]) == (True, "revoke", "Shop")
    assert curfew("client", "show", "spa", "--json").json["token_endpoint_auth_method"] == "none"
    assert curfew("user", "list", "--json").json == []
    with looking():
        assert check_secret(get_by_client_id("shop"), SECRET)


def test_a_person_keeps_sub_and_password_which_is_hashed_anew_at_sign_in(curfew, realm, looking):
    curfew("import", "keycloak", realm, "--yes")

    shown = curfew("user", "show", "ada", "--json").json
    assert (shown["sub"], shown["enabled"]) == (ADA["id"], True)
    assert shown["created_at"].startswith("2026-04-05T")
    claims = shown["claims"]
    assert (claims["name"], claims["email"], claims["email_verified"], claims["locale"]) == (
        "Ada Lovelace",
        "ada@example.test",
        True,
        "en",
    )
    assert curfew("user", "show", "ben", "--json").json["enabled"] is False
    with looking():
        ada, ben = get_by_username("ada"), get_by_username("ben")
        assert not passwords.verify(ada, "iceberg ")
        assert passwords.verify(ben, "password")
        assert passwords.needs_rehash(ada)
        assert passwords.needs_rehash(ben)
        browser = Browser(ip="192.0.2.1", device="Firefox on Linux")
        right = check(Credentials(username="ada", password="iceberg"), browser)
        assert isinstance(right, Right)
        with transaction():
            assert isinstance(conclude(right, browser, client_id=None), Admitted)
        db.session.refresh(ada)
        assert not passwords.needs_rehash(ada)
        assert passwords.verify(ada, "iceberg")


def test_a_second_run_takes_nothing_twice_and_a_dry_run_nothing_at_all(curfew, realm, looking):
    dry = curfew("import", "keycloak", realm, "--dry-run", "--json").json
    assert (dry["people"], dry["client_secrets"]) == ({"taken": 2}, {})
    assert curfew("user", "list", "--json").json == []
    with looking():
        assert db.session.scalars(select(AuditEvent)).all() == []

    curfew("import", "keycloak", realm, "--yes")
    again = curfew("import", "keycloak", realm, "--yes", "--json").json

    assert (again["clients"], again["people"]) == ({"already here": 3, "not taken": 2}, {"already here": 2})


def test_users_may_be_in_files_apart(curfew, export):
    realm = export({key: value for key, value in REALM.items() if key != "users"})
    alone = curfew("import", "keycloak", realm, "--dry-run").out
    assert "no users: they are in realm-users-N.json" in alone

    users = export({"realm": "shop", "users": [ADA]}, "shop-users-0.json")
    report = curfew("import", "keycloak", realm, users, "--yes", "--json").json
    assert report["people"] == {"taken": 1}
    other = export({"realm": "other", "users": []}, "other.json")
    assert "several realms" in curfew("import", "keycloak", realm, other, "--yes", code=1).err


@pytest.mark.parametrize(
    "iterations",
    [
        pytest.param(10**9, id="a thousand million"),
        pytest.param(1, id="a single one"),
        pytest.param(-5, id="less"),
    ],
)
def test_a_hash_that_costs_too_much_or_too_little_is_not_taken(curfew, export, looking, iterations):
    about = {"hashIterations": iterations, "algorithm": "pbkdf2-sha256", "additionalParameters": {}}
    hostile = {**BEN, "enabled": True, "credentials": [{**PBKDF2, "credentialData": json.dumps(about)}]}
    report = curfew("import", "keycloak", export({**REALM, "users": [hostile]}), "--yes", "--json").json

    assert any("the password, which has to be reset" in one["sentence"] for one in report["not_taken"])
    with looking():
        assert get_by_username("ben").password_hash is None


def test_a_name_or_a_sub_of_another_person_is_not_taken(curfew, export, looking):
    curfew("import", "keycloak", export({**REALM, "users": [ADA]}), "--yes")
    twin = {**ADA, "id": "another", "username": "ADA"}
    double = [{**BEN, "id": "b"}, {**BEN, "id": "b", "username": "ben2"}]

    report = curfew("import", "keycloak", export({**REALM, "users": [twin, *double]}), "--yes", "--json").json

    assert report["people"] == {"not taken": 1, "taken": 1, "already here": 1}
    with looking():
        assert sorted(db.session.scalars(select(Account.username))) == ["ada", "ben"]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("nonsense", id="no JSON"),
        pytest.param("[]", id="a list"),
        pytest.param('{"clients": []}', id="no realm"),
        pytest.param('{"realm": "x", "users": {}}', id="users that are no list"),
        pytest.param("[" * 100_000, id="very deep"),
    ],
)
def test_another_file_is_refused(curfew, export, content):
    assert "is not such an export" in curfew("import", "keycloak", export(content), "--yes", code=1).err


def test_odd_users_harm_no_one_else(curfew, export):
    odd = [
        {"username": 7},
        {"username": "x" * 300},
        {"username": "zoe", "id": 7, "attributes": [], "credentials": None, "createdTimestamp": "soon"},
        {"username": "zoe2", "id": "ü"},
        {
            "username": "zoe3",
            "id": "1",
            "credentials": [{"type": "password", "secretData": "[", "credentialData": 3}],
        },
        {
            "username": "zoe4",
            "email": "no address",
            "attributes": {"locale": "en", "email_verified": ["maybe"]},
        },
    ]
    report = curfew("import", "keycloak", export({**REALM, "users": [*odd, ADA]}), "--yes", "--json").json

    assert report["people"] == {"not taken": 3, "taken": 4}
    assert curfew("user", "show", "ada", "--json").json["sub"] == ADA["id"]


def test_the_new_secrets_of_an_import_that_stopped_stay_in_their_file(curfew, export, tmp_path, looking):
    """The clients have been committed by then, and a second run generates no secrets for them."""
    broken, kept = export({**REALM, "users": [3]}), tmp_path / "secrets.json"

    stopped = curfew("import", "keycloak", broken, "--yes", "--secrets-file", kept, code=1)

    assert f"the new secrets of clients that were registered before this error are in {kept}" in stopped.err
    secret = json.loads(kept.read_text())["hidden"]
    assert secret not in stopped.out + stopped.err
    with looking():
        assert check_secret(get_by_client_id("hidden"), secret)


def test_without_a_file_they_are_printed(curfew, export, looking):
    stopped = curfew("import", "keycloak", export({**REALM, "users": [3]}), "--yes", code=1)

    secret = stopped.out.partition("client_secret of hidden: ")[2].strip()
    with looking():
        assert check_secret(get_by_client_id("hidden"), secret)


def test_a_dry_run_that_stopped_shows_no_secrets(curfew, export, tmp_path):
    broken, kept = export({**REALM, "users": [3]}), tmp_path / "secrets.json"

    stopped = curfew("import", "keycloak", broken, "--dry-run", "--secrets-file", kept, code=1)

    assert "secret" not in stopped.out + stopped.err
    assert not kept.exists()


def test_an_import_that_stopped_before_any_client_leaves_no_file(curfew, export, tmp_path):
    broken, kept = export({"realm": "x", "users": [3]}), tmp_path / "secrets.json"

    curfew("import", "keycloak", broken, "--yes", "--secrets-file", kept, code=1)

    assert not kept.exists()
