"""A realm that Keycloak 26.7.3 exported: what its format really is, and what becomes of each kind of client.

The file is cut from `kc.sh export --users same_file` of a realm that was made for this test, and
spelled as Keycloak does; the keys and secrets in it are of no one. Keycloak made the hashes.
"""

import json
from pathlib import Path

import pytest

from provider.accounts import passwords
from provider.accounts.queries import get_by_username
from provider.clients.queries import get_by_client_id
from provider.clients.secrets import check_secret

FILE = Path(__file__).parent / "keycloak_26_realm.json"
REALM = json.loads(FILE.read_text())
# With argon2, which is Keycloak's default, pbkdf2-sha512 and pbkdf2-sha256.
PASSWORDS = {
    "ada": "Ada's old passphrase, ünïcode",
    "ben": "ben-sha512-password",
    "cleo": "cleo-sha256-password",
}
CODE = ["authorization_code", "refresh_token"]


@pytest.fixture
def database_url(own_sqlite):
    return own_sqlite


def remarks(report: dict, part: str) -> dict[str, list[str]]:
    return {one["sentence"]: one["examples"] for one in report[part]}


def test_the_report_names_what_is_lost_and_nothing_that_every_realm_has(curfew):
    report = curfew("import", "keycloak", FILE, "--yes", "--json").json

    assert report["clients"] == {"taken": 8, "not taken": 1}
    assert report["people"] == {"taken": 4}
    assert remarks(report, "changed").keys() == {
        "people sign in with their user name, not with their e-mail address",
        "gets opaque access tokens; for an API that reads JWTs, see curfew resource add",
        "may use PKCE; only public clients have to",
    }
    assert remarks(report, "not_taken") == {
        "identity providers": ["realm shop"],
        "groups": ["realm shop", "ada"],
        "the client scope warehouse with its mappers": ["realm shop"],
        "roles of the realm": ["realm shop"],
        "settings of the realm, such as lifetimes and the password policy; see curfew settings": [
            "realm shop"
        ],
        "the lifetime of its access tokens": ["client bank"],
        "the setting access.token.signed.response.alg": ["client bank"],
        "its description": ["client store"],
        "the client scope warehouse": ["client store"],
        "redirect_uris with a wildcard: register each exact address": [
            "client store https://store.example/*",
            "client wild https://*.wild.example/cb",
            "client wild https://wild.example/*",
        ],
        "the client: redirect_uris must contain at least one URI for these grant types": ["client wild"],
        "roles": ["ada"],
        "the attribute phoneNumber": ["ada"],
        "the attribute department": ["ada"],
        "links to identity providers": ["ben"],
        "no password: the export has none of this person, who cannot sign in without one": ["fay"],
    }
    assert report["client_secrets"] == {}


@pytest.mark.parametrize(
    ("client_id", "expected"),
    [
        pytest.param(
            "store",
            {
                "client_name": "The Store",
                "token_endpoint_auth_method": "client_secret_basic",
                "redirect_uris": ["https://store.example/callback", "http://127.0.0.1:7777/callback"],
                "post_logout_redirect_uris": [
                    "https://store.example/callback",
                    "http://127.0.0.1:7777/callback",
                    "https://store.example/bye",
                ],
                "backchannel_logout_uri": "https://store.example/backchannel",
                "backchannel_logout_session_required": True,
                "policy_uri": "https://store.example/policy",
                "offline_policy": "keep",
                "first_party": True,
            },
            id="a confidential web app",
        ),
        pytest.param(
            "spa",
            {
                "token_endpoint_auth_method": "none",
                "application_type": "web",
                "redirect_uris": ["https://spa.example/cb"],
                "post_logout_redirect_uris": ["https://spa.example/"],
                "grant_types": CODE,
            },
            id="a single-page app",
        ),
        pytest.param(
            "robot",
            {"grant_types": ["client_credentials"], "token_endpoint_auth_method": "client_secret_basic"},
            id="a service account",
        ),
        pytest.param(
            "tv",
            {"grant_types": ["urn:ietf:params:oauth:grant-type:device_code", "refresh_token"]},
            id="a device",
        ),
        pytest.param(
            "bank",
            {
                "token_endpoint_auth_method": "private_key_jwt",
                "token_endpoint_auth_signing_alg": "PS256",
                "jwks_uri": "https://bank.example/jwks.json",
                "require_pushed_authorization_requests": True,
                "require_signed_request_object": True,
                "dpop_bound_access_tokens": True,
                "id_token_signed_response_alg": "PS256",
                "frontchannel_logout_uri": "https://bank.example/front",
                "frontchannel_logout_session_required": True,
            },
            id="an app with keys at an address, pushed and signed requests",
        ),
        pytest.param(
            "inline",
            {
                "token_endpoint_auth_method": "private_key_jwt",
                "jwks": json.loads(
                    next(c for c in REALM["clients"] if c["clientId"] == "inline")["attributes"][
                        "jwks.string"
                    ]
                ),
            },
            id="an app whose keys are in the export",
        ),
        pytest.param(
            "mtls",
            {
                "token_endpoint_auth_method": "tls_client_auth",
                "tls_client_auth_subject_dn": "CN=mtls,O=Shop",
                "tls_client_certificate_bound_access_tokens": True,
            },
            id="an app with a certificate",
        ),
        pytest.param(
            "native",
            {
                "application_type": "native",
                # Of loopback addresses the port is free here.
                "redirect_uris": ["http://127.0.0.1/cb", "com.example.app:/cb", "http://localhost/cb"],
            },
            id="a native app with a free port",
        ),
    ],
)
def test_each_kind_of_client_is_what_it_was(curfew, client_id, expected):
    curfew("import", "keycloak", FILE, "--yes", "--only", "clients")

    shown = curfew("client", "show", client_id, "--json").json
    assert {name: shown.get(name) for name in expected} == expected


def test_people_sign_in_with_the_passwords_that_keycloak_hashed(curfew, looking):
    curfew("import", "keycloak", FILE, "--yes")

    subs = {user["username"]: user["id"] for user in REALM["users"]}
    with looking():
        for name, password in PASSWORDS.items():
            person = get_by_username(name)
            assert person.sub == subs[name]
            assert passwords.verify(person, password)
            assert not passwords.verify(person, password + ".")
            assert passwords.needs_rehash(person)
        assert check_secret(get_by_client_id("store"), "0t8VnT7ypHrSw1dK2KkhnZfFbHcwvYqM")


@pytest.mark.parametrize(
    ("client_id", "attributes", "sentence"),
    [
        pytest.param(
            "mtls",
            {"x509.allow.regex.pattern.comparison": "true"},
            "the client: its certificate is found by a pattern; register it with its exact subject",
            id="a certificate by a pattern",
        ),
        pytest.param(
            "inline",
            {"jwks.string": "[" * 100_000},
            "the client: jwks or jwks_uri is needed for private_key_jwt",
            id="keys that are no JSON",
        ),
        pytest.param("store", {"minimum.acr.value": "2"}, "the setting minimum.acr.value", id="a setting"),
    ],
)
def test_what_cannot_be_taken_is_reported(curfew, export, client_id, attributes, sentence):
    found = next(client for client in REALM["clients"] if client["clientId"] == client_id)
    client = {**found, "attributes": found["attributes"] | attributes}
    path = export({**REALM, "clients": [client], "users": []})

    report = curfew("import", "keycloak", path, "--dry-run", "--json").json

    assert remarks(report, "not_taken")[sentence] == [f"client {client_id}"]


def test_pairwise_subjects_and_other_web_origins_are_reported(curfew, export):
    spa = next(client for client in REALM["clients"] if client["clientId"] == "spa")
    mapper = {"name": "pairwise", "protocolMapper": "oidc-sha256-pairwise-sub-mapper"}
    other = {**spa, "protocolMappers": [mapper], "webOrigins": ["https://other.example"]}

    report = curfew("import", "keycloak", export({**REALM, "clients": [other]}), "--dry-run", "--json").json

    assert remarks(report, "not_taken")["its pairwise subjects: it will know everybody by another sub"]
    assert remarks(report, "changed")["has the web origins of its redirect URIs alone"] == ["client spa"]
