"""oidc-client-ts in Chromium: an app without a server: sign-in by redirect, silent sign-in, sign-out."""

import pytest
from playwright.sync_api import Page, expect

from tests.faults.site import PASSWORD
from tests.interop.conftest import SCRIPT

pytestmark = pytest.mark.browser
# The key of a client with DPoP stays in the browser's own store, and never leaves it.
MANAGER = """
    if (settings.with_dpop) settings.dpop = { store: new oidc.IndexedDbDPoPStore() };
    const users = new oidc.UserManager(settings);
"""


@pytest.fixture
def app(page: Page, site, landing, register):
    if not SCRIPT.exists():
        pytest.skip("oidc-client-ts is not installed: `make interop` gets it, given Node.js 20 with npm")
    client = register(
        client_name="An app in a browser",
        token_endpoint_auth_method="none",
        redirect_uris=[f"{landing.url}/spa"],
        post_logout_redirect_uris=[f"{landing.url}/spa"],
        grant_types=["authorization_code", "refresh_token"],
        scope="openid email",
    )
    app = App(page, site.issuer, client["client_id"], f"{landing.url}/spa")
    page.goto(app.url)
    return app


class App:
    """The page of the app, where the library is called as an app would call it."""

    def __init__(self, page: Page, issuer: str, client_id: str, url: str) -> None:
        self.page = page
        self.issuer = issuer
        self.url = url
        self.settings = {
            "authority": issuer,
            "client_id": client_id,
            "redirect_uri": url,
            "post_logout_redirect_uri": url,
            "scope": "openid email",
            "loadUserInfo": True,
            "silentRequestTimeoutInSeconds": 10,
        }

    def call(self, script: str):
        """Run a script of the app with a fresh user manager, as after each load of a page."""
        return self.page.evaluate(f"async (settings) => {{ {MANAGER} {script} }}", self.settings)

    def leave_by(self, script: str) -> None:
        """Run a script that leads away from the page."""
        with self.page.expect_navigation():
            self.call(script)

    def sign_in(self) -> None:
        """Go to the provider and come back with a code."""
        self.leave_by("users.signinRedirect()")
        self.page.fill("#username", "ada")
        self.page.fill("#password", PASSWORD)
        self.page.click("#sign-in")
        self.page.click("#allow")
        self.page.wait_for_url(f"{self.url}?*")


@pytest.mark.spec("core 1, core 15, rfc7636 1, rpinitiated 7")
def test_ada_signs_in_and_out_at_an_app_in_her_browser(app):
    app.sign_in()

    profile = app.call("return (await users.signinCallback()).profile")
    assert profile["email"] == "ada@example.test"

    silent = "return (await users.signinSilent()).profile.sub"
    assert app.call(silent) == profile["sub"]

    app.leave_by("users.signoutRedirect({ state: 'over' })")
    app.page.wait_for_url(f"{app.url}?*")
    expect(app.page.locator("h1")).to_have_text("An app in a browser")
    app.call("await users.signoutCallback(); await users.removeUser()")

    refused = app.call("return users.signinSilent().then(() => 'let in', (refusal) => refusal.error)")
    assert refused == "login_required"


@pytest.mark.spec("rfc9449 2, rfc9449 3, THR-33")
def test_its_tokens_are_bound_to_a_key_of_her_browser(app, site):
    # The library asks for userinfo by Bearer alone, so the app asks by itself.
    app.settings |= {"with_dpop": True, "loadUserInfo": False}
    app.sign_in()

    user = app.call("return await users.signinCallback()")
    asked = app.call(
        f"""
        const address = '{site.issuer}/userinfo', user = await users.getUser();
        const ask = async (nonce) => fetch(address, {{ headers: {{
            Authorization: `DPoP ${{user.access_token}}`,
            DPoP: await users.dpopProof(address, user, 'GET', nonce),
        }} }});
        const first = await ask(), response = await ask(first.headers.get('DPoP-Nonce'));
        return {{ statuses: [first.status, response.status], claims: await response.json() }};
        """
    )
    refreshed = app.call("return await users.signinSilent()")

    assert user["token_type"] == refreshed["token_type"] == "DPoP"
    assert asked["statuses"] == [401, 200]
    assert asked["claims"]["email"] == "ada@example.test"
    assert refreshed["access_token"] != user["access_token"]
