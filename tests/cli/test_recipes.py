"""`curfew client add --for` registers what software needs; `client recipe` prints its configuration."""

import ast
import json
import re
import shlex
import tomllib

import pytest

from provider.clients import recipes
from provider.config import load_settings
from tests.support.databases import migrate

NAMES = recipes.list_names()
ISSUER = "https://id.example"
BASE = "https://shop.example"
SETTINGS = {"CURFEW_ISSUER": ISSUER}
# What the software itself decides, as its documentation and clients.md have it.
PATHS = {
    "spring": ("/login/oauth2/code/curfew", "/logout/connect/back-channel/curfew"),
    "quarkus": ("/callback", "/back-channel-logout"),
    "keycloak": ("/broker/curfew/endpoint", "/protocol/openid-connect/logout/backchannel-logout"),
    "next-auth": ("/api/auth/callback/curfew", None),
    "auth-js": ("/auth/callback/curfew", None),
    "express-openid-connect": ("/callback", "/backchannel-logout"),
    "django-allauth": ("/accounts/oidc/curfew/login/callback/", None),
    "mozilla-django-oidc": ("/oidc/callback/", None),
    "python-social-auth": ("/complete/oidc/", None),
    "oauth2-proxy": ("/oauth2/callback", None),
    "curfew-rp-gate": ("/_gate/callback", "/_gate/backchannel-logout"),
    "apache": ("/callback", "/callback?logout=backchannel"),
    "grafana": ("/login/generic_oauth", None),
    "jupyterhub": ("/hub/oauth_callback", None),
    "streamlit": ("/oauth2callback", None),
    "flask-oidc": ("/authorize", None),
}


@pytest.fixture(scope="module")
def shared_sqlite(tmp_path_factory):
    url = f"sqlite:///{tmp_path_factory.mktemp('recipes') / 'curfew.sqlite3'}"
    migrate(url)
    return url


@pytest.fixture
def database_url(shared_sqlite):
    """Nothing here depends on the kind of database, and each client has an id of its own."""
    return shared_sqlite


@pytest.fixture
def run(curfew):
    return lambda *arguments, **more: curfew(*arguments, **SETTINGS, **more)


def add(run, client_id, software, *options):
    return run(
        "client", "add", "--client-id", client_id, "--for", software, "--base-url", BASE, *options, "--json"
    ).json


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_registers_and_its_recipe_is_filled_in(run, name):
    added = add(run, name, name)

    shown = run("client", "recipe", name, "--json")

    recipe = shown.json
    texts = [text for file in recipe["files"] for text in (file["name"], file["text"])]
    whole = "\n".join(texts)
    assert not recipes.PLACEHOLDER.search(shown.out)
    assert "NOT-REGISTERED" not in shown.out
    assert (recipe["client_id"], recipe["software"], recipe["issuer"]) == (name, name, ISSUER)
    assert ISSUER in whole
    assert re.search(rf"\b{name}\b", whole)
    assert "cfs_" not in shown.out
    assert bool(recipe["secret"]) is (added["token_endpoint_auth_method"] != "none")
    assert recipe["seen_with"]
    assert recipe["limits"]
    assert recipe["differences"] == []
    assert "--first-party" in recipe["consent"]
    if name in PATHS:
        redirect_path, logout_path = PATHS[name]
        assert added["redirect_uris"] == [BASE + redirect_path]
        assert added.get("backchannel_logout_uri") == (BASE + logout_path if logout_path else None)
    for file in recipe["files"]:
        parse(file)


def parse(file):
    """Read a piece of configuration, where Python can."""
    match file["language"]:
        case "python":
            ast.parse(file["text"])
        case "json":
            json.loads(file["text"])
        case "toml":
            tomllib.loads(file["text"])


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_uses_only_placeholders_that_exist(name):
    recipe = recipes.load(name)
    known = recipes.places(BASE, "curfew")

    # What is registered depends on the address of the app alone.
    assert set(recipes.PLACEHOLDER.findall(str(recipe.register))) <= known.keys()
    assert recipe.register.keys() >= {"redirect_uris", "post_logout_redirect_uris"}
    assert len(name) <= 32


@pytest.mark.parametrize("name", NAMES)
def test_a_file_in_python_imports_the_environment_that_it_reads(name):
    for file in recipes.load(name).files:
        if "os.environ[" in file.text:
            assert "import os" in file.text.splitlines()


def test_what_is_named_wins_over_the_preset(run):
    added = add(
        run, "own", "express-openid-connect", "--redirect-uri", f"{BASE}/mine",
        "--backchannel-logout-uri", "", "--token-endpoint-auth-method", "client_secret_post",
        "--logout-token-names", "both", "--id-token-claims", "requested", "--first-party",
    )  # fmt: skip

    assert added["redirect_uris"] == [f"{BASE}/mine"]
    assert added["post_logout_redirect_uris"] == [f"{BASE}/"]
    assert "backchannel_logout_uri" not in added
    assert added["token_endpoint_auth_methods"] == ["client_secret_post"]
    assert (added["logout_token_names"], added["id_token_claims"]) == ("both", "requested")
    recipe = run("client", "recipe", "own", "--json").json
    assert "not asked" in recipe["consent"]
    differences = "\n".join(recipe["differences"])
    assert f"redirect_uris lacks {BASE}/callback" in differences
    assert "backchannel_logout_uri is not set" in differences
    assert "this software uses client_secret_basic" in differences
    assert "logout_token_names is both; this software needs sid" in differences
    for said in recipe["differences"]:
        run(*shlex.split(said.partition(". curfew ")[2]))
    assert run("client", "recipe", "own", "--json").json["differences"] == []


def test_a_preset_says_which_claims_a_logout_token_carries(run):
    assert add(run, "names-1", "express-openid-connect")["logout_token_names"] == "sid"
    assert add(run, "names-2", "keycloak")["logout_token_names"] == "sub"
    assert add(run, "names-3", "spring")["logout_token_names"] == "both"


def test_a_secret_may_come_either_way_where_the_software_does_both(run):
    both = ["client_secret_basic", "client_secret_post"]

    assert add(run, "method-1", "auth-js")["token_endpoint_auth_methods"] == both
    assert add(run, "method-2", "django-allauth")["token_endpoint_auth_methods"] == ["client_secret_post"]


def test_the_recipe_finds_the_base_and_the_registration_id_again(run):
    base = "https://shop.example/deep/app"
    run(
        "client", "add", "--client-id", "deep", "--for", "spring", "--base-url", f"{base}/",
        "--registration-id", "site",
    )  # fmt: skip

    recipe = run("client", "recipe", "deep", "--json").json

    assert f"{base}/oauth2/authorization/site" in recipe["notes"][0]
    assert "          site:\n" in recipe["files"][0]["text"]
    assert recipe["differences"] == []


def test_a_recipe_for_people_has_all_parts(run):
    added = run("client", "add", "--client-id", "shown", "--for", "keycloak", "--base-url", BASE)
    assert "curfew client recipe shown" in added.err
    assert "asked for consent" in added.err

    shown_text = run("client", "recipe", "shown").out

    assert shown_text.startswith("Keycloak as a broker (identity provider in a realm); behaviour seen with")
    for part in ("Issuer: https://id.example", "--- curfew.json", '"alias": "curfew"', "The secret:",
                 "Consent:", "client update shown --first-party", "What this software cannot do:",
                 "answers 200", "sub alone"):  # fmt: skip
        assert part in shown_text
    assert "expects" not in shown_text
    assert "not tried" in run("client", "recipe", "shown", "--for", "grafana").out


def test_a_native_app_needs_no_base_url(run):
    added = run("client", "add", "--client-id", "handy", "--for", "native", "--json").json

    assert added["redirect_uris"] == ["http://127.0.0.1/callback"]
    assert (added["application_type"], added["token_endpoint_auth_method"]) == ("native", "none")


def test_a_client_without_a_preset_needs_the_name_of_the_software(run):
    run("client", "add", "--client-id", "plain", "--redirect-uri", "https://plain.example/cb")

    refused = run("client", "recipe", "plain", code=1).err
    recipe = run("client", "recipe", "plain", "--for", "openid-client", "--json").json

    assert "--for NAME (apache, " in refused
    # Where the configuration names the address, it may be any; what is missing is said.
    assert 'redirect_uri: "https://plain.example/cb"' in recipe["files"][0]["text"]
    assert "redirect_uris lacks" not in "\n".join(recipe["differences"]).replace("post_logout_redirect", "")
    assert any("backchannel_logout_uri is not set" in said for said in recipe["differences"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(("--for", "spring"), "https://shop.example", id="no address"),
        pytest.param(("--for", "keycloak"), "https://keycloak.example/realms/main", id="no realm"),
        pytest.param(("--for", "spring", "--base-url", "shop.example"), "--base-url is not", id="no scheme"),
        pytest.param(("--for", "spring", "--base-url", f"{BASE}?a=b"), "query", id="a query"),
        pytest.param(
            ("--for", "spring", "--base-url", BASE, "--registration-id", "a/b"), "letters", id="no name"
        ),
        pytest.param(("--base-url", BASE), "used only with --for", id="no software"),
        pytest.param(("--for", "cobol", "--base-url", BASE), "'cobol'", id="unknown software"),
    ],
)
def test_what_a_preset_cannot_use_is_refused(curfew, arguments, said):
    assert said in curfew("client", "add", *arguments, code=2).err


def test_the_variable_of_an_apps_secret_does_not_disturb_the_command():
    """It begins as the settings do, and may be exported in the shell where the command runs."""
    assert load_settings({"CURFEW_CLIENT_SECRET": "secret of an app"}) == load_settings({})


def test_a_service_has_no_recipe(run):
    run("client", "add", "--client-id", "job", "--grant-type", "client_credentials")

    assert "no redirect URI" in run("client", "recipe", "job", "--for", "flask", code=1).err


def test_an_address_that_a_configuration_could_misread_is_not_written(run):
    """A client that registered itself chose its addresses: they must not become code in what is pasted."""
    run("client", "add", "--client-id", "sly", "--redirect-uri", "https://sly.example/'+$(id)+'")

    assert "characters" in run("client", "recipe", "sly", "--for", "openid-client", code=1).err
