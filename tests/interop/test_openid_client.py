"""openid-client for Node.js: by secret, by key with PAR and DPoP after registering itself, on a device."""

import shutil
import subprocess
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.interop.conftest import HERE
from tests.interop.foreign import play

# The first with the Web Crypto API that the client signs by.
OLDEST_NODE = 20


@pytest.fixture
def run(site, landing, ada, node):
    def run(script: str, **facts: str):
        everything = {"issuer": site.issuer, "redirect_uri": f"{landing.url}/callback"} | facts
        return play([node, HERE / "node" / script], everything, ada.go, landing)

    return run


@pytest.fixture(scope="session")
def node() -> str:
    path = shutil.which("node")
    if path is None or not (HERE / "node" / "node_modules" / "openid-client").is_dir():
        pytest.skip("openid-client is not installed: `make interop` gets it, given Node.js 20 with npm")
    version = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.strip().removeprefix("v").partition(".")[0]) < OLDEST_NODE:
        pytest.skip(f"Node.js is {version.strip()}; openid-client needs {OLDEST_NODE} or newer")
    return path


@pytest.mark.spec(
    "discovery 1", "core §3.1.3.7", "core 24", "rfc7662 1", "rfc7662 2", "rfc7009 1", "rpinitiated 7"
)
def test_it_signs_ada_in_and_out_by_a_secret(register, landing, run):
    client = register(
        client_name="An app with a secret",
        redirect_uris=[f"{landing.url}/callback"],
        post_logout_redirect_uris=[f"{landing.url}/signed-out"],
        backchannel_logout_uri=f"{landing.url}/backchannel-logout",
        grant_types=["authorization_code", "refresh_token"],
        scope="openid email offline_access",
    )

    seen = run(
        "sign_in.mjs",
        client_id=client["client_id"],
        secret=client["client_secret"],
        post_logout_redirect_uri=f"{landing.url}/signed-out",
    )

    assert seen["userinfo"]["email"] == "ada@example.test"
    assert seen["sid"]
    assert seen["same_sub"]
    assert seen["known"]["active"] is True
    assert seen["revoked"] == {"active": False}
    assert seen["arrived"] == f"{landing.url}/signed-out?state=over"


@pytest.mark.spec("core §3.1.3.7, core 16, rpinitiated 7")
def test_its_recipe_signs_ada_in_and_out(add_for, landing, run, tmp_path):
    client = add_for("openid-client", landing.url)
    secret = "oidc.ClientSecretBasic(process.env.CURFEW_CLIENT_SECRET),"
    recipe = tmp_path / "sign_in.mjs"
    # The library refuses plain http, which the provider of the tests speaks.
    insecure = f"{secret} {{ execute: [oidc.allowInsecureRequests] }},"
    recipe.write_text(client.files["sign_in.mjs"].replace(secret, insecure))
    (tmp_path / "node_modules").symlink_to(HERE / "node" / "node_modules")

    seen = run("recipe.mjs", secret=client.secret, recipe=str(recipe))

    assert seen["claims"]["name"] == "Ada Lovelace"
    assert seen["claims"]["sid"]
    assert seen["arrived"].startswith(f"{landing.url}/")


@pytest.mark.spec(
    "fapi2 §5.3",
    "rfc9126 2",
    "rfc9449 2",
    "rfc9449 3",
    "rfc9101 §4",
    "registration 3",
    "rfc7591 §3.2.1",
    "rfc9207 1",
)
def test_it_registers_itself_and_proves_itself_by_keys(run):
    seen = run("sign_in_proven.mjs")

    asked = parse_qs(urlsplit(seen["asked"]).query)
    assert set(asked) == {"client_id", "request_uri"}
    assert seen["userinfo"]["email"] == seen["again"]["email"] == "ada@example.test"
    assert seen["kinds"] == ["dpop", "dpop"]


@pytest.mark.spec("rfc8628 1")
def test_ada_signs_in_for_a_device(register, run):
    client = register(
        client_name="Television",
        token_endpoint_auth_method="none",
        application_type="native",
        grant_types=["urn:ietf:params:oauth:grant-type:device_code"],
        scope="openid email",
    )

    seen = run("device.mjs", client_id=client["client_id"])

    assert seen["userinfo"]["email"] == "ada@example.test"
