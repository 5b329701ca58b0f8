"""Logto: what its API lists, and rows of its database with the hashes."""

import hashlib
import json

import pytest
from argon2 import PasswordHasher
from argon2.low_level import Type

from provider.accounts import passwords
from provider.accounts.queries import get_by_username
from provider.clients.queries import get_by_client_id
from provider.clients.secrets import check_secret

PASSWORD = "a quiet evening at home"
SECRET = "PA6hNtyXBmLmbPT7qvVYYuFcWKJuJ9yN"
ARGON2I = PasswordHasher(1, 1024, 1, type=Type.I).hash(PASSWORD)
LEGACY = json.dumps(
    [
        "pbkdf2",
        ["salt123", "1000", "20", "sha512", "@"],
        hashlib.pbkdf2_hmac("sha512", PASSWORD.encode(), b"salt123", 1000, 20).hex(),
    ]
)
ROWS = [
    {
        "tenant_id": "default",
        "id": "a1b2c3d4e5f6",
        "username": "ada",
        "primary_email": "ada@example.test",
        "primary_phone": "442079460000",
        "password_encrypted": ARGON2I,
        "password_encryption_method": "Argon2i",
        "name": "Ada Lovelace",
        "avatar": None,
        "profile": {"givenName": "Ada", "familyName": "Lovelace", "locale": "en"},
        "identities": {"google": {"userId": "1"}},
        "custom_data": {},
        "is_suspended": False,
        "created_at": "2025-04-05T10:00:00+00:00",
    },
    {
        "id": "b1b2c3d4e5f6",
        "username": "ben",
        "password_encrypted": LEGACY,
        "password_encryption_method": "Legacy",
        "is_suspended": True,
    },
    {"id": "e1b2c3d4e5f6", "username": "fay", "password_encrypted": None},
    {
        "id": "c1b2c3d4e5f6",
        "username": "cleo",
        "password_encrypted": "5f4dcc3b5aa765d61d8327deb882cf99",
        "password_encryption_method": "MD5",
    },
]
OF_THE_API = {
    "id": "d1b2c3d4e5f6",
    "primaryEmail": "dora@example.test",
    "hasPassword": True,
    "createdAt": 1775365922330,
}
SHOP = {
    "tenantId": "default",
    "id": "tsdmkwkrtj2ixnh0c7u5k",
    "name": "Shop",
    "secret": SECRET,
    "description": None,
    "type": "Traditional",
    "oidcClientMetadata": {
        "redirectUris": ["https://shop.example/callback"],
        "postLogoutRedirectUris": ["https://shop.example/"],
        "backchannelLogoutUri": "https://shop.example/logout",
        "backchannelLogoutSessionRequired": True,
    },
    "customClientMetadata": {
        "corsAllowedOrigins": [],
        "rotateRefreshToken": True,
        "refreshTokenTtlInDays": 14,
        "allowTokenExchange": True,
    },
    "isThirdParty": True,
}
OTHERS = [
    {
        "id": "spa",
        "name": "SPA",
        "type": "SPA",
        "secret": "internal:x",
        "oidcClientMetadata": {"redirectUris": ["https://spa.example/"], "postLogoutRedirectUris": []},
    },
    {
        "id": "robot",
        "name": "Robot",
        "type": "MachineToMachine",
        "secret": "internal:y",
        "oidcClientMetadata": {"redirectUris": [], "postLogoutRedirectUris": []},
    },
    {"id": "saml", "name": "SAML", "type": "SAML", "oidcClientMetadata": {"redirectUris": []}},
]


@pytest.fixture
def database_url(own_sqlite):
    return own_sqlite


def test_rows_of_the_database_become_people(curfew, export, looking):
    report = curfew("import", "logto", export([*ROWS, OF_THE_API]), "--yes", "--json").json

    assert report["people"] == {"taken": 5}
    assert {one["sentence"]: one["examples"] for one in report["not_taken"]} == {
        "links to identity providers": ["ada"],
        "no password: the export has none of this person, who cannot sign in without one": ["fay"],
        "the password, which has to be reset: MD5 is quick to guess": ["cleo"],
        "the password, which has to be reset: the API lists no hashes": ["dora@example.test"],
    }
    ada = curfew("user", "show", "ada", "--json").json
    assert ada["sub"] == "a1b2c3d4e5f6"
    assert (ada["claims"]["phone_number"], ada["claims"]["given_name"]) == ("+442079460000", "Ada")
    assert curfew("user", "show", "ben", "--json").json["enabled"] is False
    with looking():
        for name in ("ada", "ben"):
            person = get_by_username(name)
            assert passwords.verify(person, PASSWORD)
            assert not passwords.verify(person, PASSWORD + ".")
            assert passwords.needs_rehash(person)


def test_applications_become_clients(curfew, export, looking):
    report = curfew("import", "logto", export([SHOP, *OTHERS]), "--yes", "--json").json

    assert report["clients"] == {"taken": 3, "not taken": 1}
    assert "token exchange; see --may-exchange-tokens-of" in [one["sentence"] for one in report["not_taken"]]
    # Secrets that the export does not have are made anew.
    assert list(report["client_secrets"]) == ["robot"]
    shop = curfew("client", "show", SHOP["id"], "--json").json
    assert (
        shop["backchannel_logout_uri"],
        shop["backchannel_logout_session_required"],
        shop["first_party"],
    ) == (
        "https://shop.example/logout",
        True,
        False,
    )
    assert curfew("client", "show", "robot", "--json").json["grant_types"] == ["client_credentials"]
    assert curfew("client", "show", "spa", "--json").json["token_endpoint_auth_method"] == "none"
    with looking():
        assert check_secret(get_by_client_id(SHOP["id"]), SECRET)


@pytest.mark.parametrize(
    "legacy",
    [
        "[",
        '["sha256", ["salt", "@"], "ab"]',
        '["pbkdf2", ["s", "999999999", "20", "sha512", "@"], "abcd"]',
        "{}",
    ],
)
def test_an_odd_hash_is_left_behind(curfew, export, looking, legacy):
    row = {"id": "1", "username": "ada", "passwordDigest": legacy, "passwordAlgorithm": "Legacy"}

    report = curfew("import", "logto", export([row]), "--yes", "--json").json

    assert len(report["not_taken"]) == 1
    with looking():
        assert get_by_username("ada").password_hash is None


@pytest.mark.parametrize("content", ['[{"colour": "red"}]', '"x"'])
def test_another_file_is_refused(curfew, export, content):
    assert "export.json" in curfew("import", "logto", export(content), "--yes", code=1).err


def test_secrets_that_are_kept_apart_are_taken(curfew, export, looking):
    rows = [
        {
            "application_id": "robot",
            "name": "old",
            "value": "o" * 32,
            "created_at": "2025-04-05T10:00:00+00:00",
        },
        {
            "application_id": "robot",
            "name": "new",
            "value": "n" * 32,
            "created_at": "2026-04-05T10:00:00+00:00",
        },
        {
            "application_id": "robot",
            "name": "gone",
            "value": "g" * 32,
            "created_at": "2024-05-05T10:00:00+00:00",
            "expires_at": "2024-06-05T10:00:00+00:00",
        },
    ]
    files = (export(OTHERS, "applications.json"), export(rows, "secrets.json"))

    report = curfew("import", "logto", *files, "--yes", "--json").json

    assert report["client_secrets"] == {}
    assert "all secrets but the newest" in [one["sentence"] for one in report["not_taken"]]
    with looking():
        assert check_secret(get_by_client_id("robot"), "n" * 32)
