"""oidc-client-ts in Chromium: an app without a server: sign-in by redirect, silent sign-in, sign-out."""

import pytest
from playwright.sync_api import Page, expect

from tests.faults.house import PASSWORD
from tests.interop.conftest import SCRIPT

pytestmark = pytest.mark.browser


@pytest.fixture
def app(page: Page, house, landing, register):
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
    return App(page, house.issuer, client["client_id"], f"{landing.url}/spa")


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
        return self.page.evaluate(
            f"async (settings) => {{ const users = new oidc.UserManager(settings); {script} }}", self.settings
        )

    def leave_by(self, script: str) -> None:
        """Run a script that leads away from the page."""
        with self.page.expect_navigation():
            self.call(script)


@pytest.mark.spec("core §3.1.2.1, core §5.3, rfc7636 §4.4, rpinitiated §3")
def test_ada_signs_in_and_out_at_an_app_in_her_browser(app):
    app.page.goto(app.url)
    app.leave_by("users.signinRedirect()")
    app.page.fill("#username", "ada")
    app.page.fill("#password", PASSWORD)
    app.page.click("#sign-in")
    app.page.click("#allow")
    app.page.wait_for_url(f"{app.url}?*")

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
