"""Auth0's exports: profiles and hashes in files apart, clients of the Management API."""

import json

import bcrypt
import pytest

from provider.accounts import passwords
from provider.accounts.queries import get_by_username
from provider.clients.queries import get_by_client_id
from provider.clients.secrets import check_secret

PASSWORD = "a quiet evening at home"
SECRET = "S7QqYrEmEUmEVYVQpuRqjGOcXLyNT6nNjJRQ0Bgg5pJWxnhAZ8Xb2bYk0DMV9ckG"
HASH = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
ADA = {
    "user_id": "auth0|5dea9f9c82dd7c0e76e4ec93",
    "email": "ada@example.test",
    "email_verified": True,
    "name": "Ada Lovelace",
    "nickname": "ada",
    "picture": "https://s.gravatar.com/avatar/1.png",
    "created_at": "2019-12-06T18:36:12.412Z",
    "identities": [
        {
            "connection": "Username-Password-Authentication",
            "provider": "auth0",
            "user_id": "5dea9f9c82dd7c0e76e4ec93",
        },
        {"connection": "google-oauth2", "provider": "google-oauth2", "user_id": "1"},
    ],
    "user_metadata": {"colour": "red"},
    "blocked": False,
}
HASHES = [
    {
        "_id": {"$oid": "5dea9f9c82dd7c0e76e4ec93"},
        "email_verified": False,
        "email": "ada@example.test",
        "passwordHash": HASH,
        "password_set_date": {"$date": "2019-12-06T18:36:12.412Z"},
        "tenant": "shop",
        "connection": "Username-Password-Authentication",
        "_tmp_is_unique": True,
    },
    {
        "_id": {"$oid": "5dea9f9c82dd7c0e76e4ec94"},
        "alt_id": "euclid",
        "passwordHash": HASH,
        "identifiers": [{"type": "email", "value": "ben@example.test", "verified": True}],
    },
]
SHOP = {
    "tenant": "shop",
    "global": False,
    "is_first_party": True,
    "name": "Shop",
    "client_id": "UbyXyCRHJlLMcfhBSkMEBKGTEuUNsWF2",
    "client_secret": SECRET,
    "app_type": "regular_web",
    "callbacks": ["https://shop.example/callback", "https://*.shop.example/callback"],
    "allowed_logout_urls": ["https://shop.example/"],
    "oidc_logout": {"backchannel_logout_urls": ["https://shop.example/logout"]},
    "grant_types": ["authorization_code", "refresh_token", "implicit", "password"],
    "token_endpoint_auth_method": "client_secret_post",
    "jwt_configuration": {"alg": "HS256", "lifetime_in_seconds": 36000},
}
SPA = {
    "client_id": "spa",
    "name": "SPA",
    "app_type": "spa",
    "callbacks": ["https://spa.example/"],
    "grant_types": ["authorization_code", "refresh_token"],
    "token_endpoint_auth_method": "none",
}
ALL = {"client_id": "global", "name": "All Applications", "global": True}


@pytest.fixture
def database_url(own_sqlite):
    return own_sqlite


def lines(*objects: dict) -> str:
    return "\n".join(map(json.dumps, objects))


def test_profiles_and_hashes_of_two_files_become_people(curfew, export, looking):
    profiles, hashes = export(lines(ADA), "users.ndjson"), export(lines(*HASHES), "hashes.ndjson")

    report = curfew("import", "auth0", hashes, profiles, "--yes", "--json").json

    assert report["people"] == {"taken": 2}
    assert {one["sentence"] for one in report["not_taken"]} == {
        "identities of other providers",
        "user_metadata",
    }
    ada = curfew("user", "show", "ada@example.test", "--json").json
    assert (ada["sub"], ada["claims"]["name"], ada["claims"]["email_verified"]) == (
        "auth0|5dea9f9c82dd7c0e76e4ec93",
        "Ada Lovelace",
        True,
    )
    assert curfew("user", "show", "ben@example.test", "--json").json["sub"] == "auth0|euclid"
    with looking():
        for name in ("ada@example.test", "ben@example.test"):
            assert passwords.verify(get_by_username(name), PASSWORD)
    again = curfew("import", "auth0", hashes, profiles, "--yes", "--json").json
    assert again["people"] == {"already here": 2}


def test_people_without_a_hash_are_named(curfew, export):
    report = curfew("import", "auth0", export(lines(ADA), "users.ndjson"), "--dry-run", "--json").json

    (examples,) = [
        one["examples"] for one in report["not_taken"] if one["sentence"].startswith("no password")
    ]
    assert examples == ["ada@example.test"]


@pytest.mark.parametrize(
    ("custom", "kept"),
    [
        pytest.param({"algorithm": "bcrypt", "hash": {"value": HASH}}, True, id="bcrypt"),
        pytest.param(
            {
                "algorithm": "pbkdf2",
                "hash": {
                    "value": "$pbkdf2-sha256$i=1000,l=32$MDEyMzQ1Njc4OWFiY2RlZg"
                    "$MJZwRhI9IaAgmsB+29mmmLTBHee5s5ZHeIwge5F0UoY",
                    "encoding": "utf8",
                },
            },
            True,
            id="PBKDF2",
        ),
        pytest.param({"algorithm": "md5", "hash": {"value": "5f4dcc3b", "encoding": "hex"}}, False, id="MD5"),
        pytest.param("nonsense", False, id="no object"),
    ],
)
def test_an_import_file_s_custom_hash_is_kept_if_it_is_slow(curfew, export, looking, custom, kept):
    user = {"email": "ada@example.test", "user_id": "1", "custom_password_hash": custom}

    report = curfew("import", "auth0", export([user]), "--yes", "--json").json

    assert (report["not_taken"] == []) is kept
    with looking():
        ada = get_by_username("ada@example.test")
        assert (ada.sub, ada.password_hash is not None) == ("auth0|1", kept)


def test_clients_are_taken(curfew, export, looking):
    report = curfew("import", "auth0", export([SHOP, SPA, ALL]), "--yes", "--json").json

    assert (report["clients"], report["client_secrets"]) == ({"taken": 2}, {})
    assert {one["sentence"] for one in report["not_taken"]} == {
        "the grant type implicit",
        "the grant type password",
        "redirect_uris with a wildcard: register each exact address",
    }
    shop = curfew("client", "show", SHOP["client_id"], "--json").json
    assert shop["redirect_uris"] == ["https://shop.example/callback"]
    assert shop["backchannel_logout_uri"] == "https://shop.example/logout"
    assert (shop["id_token_signed_response_alg"], shop["first_party"]) == ("RS256", True)
    assert curfew("client", "show", "spa", "--json").json["token_endpoint_auth_method"] == "none"
    with looking():
        assert check_secret(get_by_client_id(SHOP["client_id"]), SECRET)


@pytest.mark.parametrize("content", ['[{"colour": "red"}]', "7", '{"email": "a@b.test"}\n{"broken'])
def test_another_file_is_refused(curfew, export, content):
    assert "export.json" in curfew("import", "auth0", export(content), "--yes", code=1).err


def test_pages_with_totals_are_read(curfew, export):
    """The response of the Management API to `include_totals=true`."""
    page = {"total": 2, "start": 0, "limit": 50, "clients": [SHOP, SPA]}
    users = {"total": 1, "start": 0, "limit": 50, "users": [ADA]}

    report = curfew("import", "auth0", export(page), export(users, "users.json"), "--yes", "--json").json

    assert (report["clients"], report["people"]) == ({"taken": 2}, {"taken": 1})


def test_people_without_an_id_are_each_taken(curfew, export):
    """A file for an import into Auth0 need not have any; profile and hash then have the name in common."""
    profiles = [{"email": f"{name}@example.test", "name": name} for name in ("ada", "ben", "dora")]
    hashes = lines(
        *({"_ID": None, "email": f"{name}@example.test", "passwordHash": HASH} for name in ("Ada", "ben"))
    )

    report = curfew("import", "auth0", export(profiles), export(hashes, "h.ndjson"), "--yes", "--json").json

    assert report["people"] == {"taken": 3}
    (without,) = [one["examples"] for one in report["not_taken"]]
    assert without == ["dora@example.test"]


def test_an_id_may_be_written_in_capitals(curfew, export):
    hashes = [{"_ID": {"$oid": "5dea9f9c82dd7c0e76e4ec93"}, "email": ADA["email"], "passwordHash": HASH}]

    report = curfew(
        "import", "auth0", export([ADA]), export(lines(*hashes), "h.ndjson"), "--yes", "--json"
    ).json

    assert report["people"] == {"taken": 1}
    assert not any("no password" in one["sentence"] for one in report["not_taken"])


def test_a_service_with_the_grants_that_every_app_begins_with_is_taken(curfew, export):
    grants = ["authorization_code", "implicit", "refresh_token", "client_credentials"]
    service = {
        "client_id": "robot",
        "name": "Robot",
        "client_secret": SECRET,
        "grant_types": grants,
        "callbacks": [],
    }

    report = curfew("import", "auth0", export([service]), "--yes", "--json").json

    assert report["clients"] == {"taken": 1}
    assert [one["sentence"] for one in report["changed"]] == ["signs no one in: it has no callbacks"]
    assert curfew("client", "show", "robot", "--json").json["grant_types"] == ["client_credentials"]


def test_a_client_that_proves_a_key_is_reported(curfew, export):
    proof = {"private_key_jwt": {"credentials": [{"id": "cred_1"}]}}
    client = SHOP | {"token_endpoint_auth_method": None, "client_authentication_methods": proof}

    report = curfew("import", "auth0", export([client]), "--yes", "--json").json

    assert any("authenticates by a key" in one["sentence"] for one in report["changed"])
