"""An app in Chromium whose configuration is the printed recipe of oidc-client-ts: sign-in and sign-out."""

import pytest
from playwright.sync_api import Page, expect

from tests.faults.site import PASSWORD
from tests.interop.conftest import HERE
from tests.interop.landing import Landing

pytestmark = pytest.mark.browser
MODULES = HERE / "node" / "node_modules"
LIBRARY = MODULES / "oidc-client-ts" / "dist" / "esm" / "oidc-client-ts.js"
JWT_DECODE = MODULES / "jwt-decode" / "build" / "esm" / "index.js"


@pytest.fixture
def app(add_for, tmp_path):
    if not LIBRARY.exists():
        pytest.skip("oidc-client-ts is not installed: `make interop` gets it, given Node.js 20 with npm")
    page, users = HERE / "spa_recipe.html", tmp_path / "users.js"
    files = {"/oidc-client-ts.js": LIBRARY, "/jwt-decode.js": JWT_DECODE, "/users.js": users}
    with Landing({"/": page, "/callback": page, **files}) as app:
        users.write_text(add_for("spa", app.url).files["users.js"])
        yield app.url


@pytest.mark.spec("core 1, core 15, rfc7636 1, rpinitiated 7")
def test_the_printed_configuration_signs_ada_in_and_out(page: Page, app, site):
    page.goto(app)
    leave_by(page, "signinRedirect")
    page.fill("#username", "ada")
    page.fill("#password", PASSWORD)
    page.click("#sign-in")
    page.click("#allow")
    page.wait_for_url(f"{app}/callback?*")

    page.wait_for_function("window.users")
    name = page.evaluate("async () => (await window.users.signinRedirectCallback()).profile.name")
    assert name == "Ada Lovelace"

    leave_by(page, "signoutRedirect")
    page.wait_for_url(f"{app}/")
    expect(page.locator("h1")).to_have_text("An app by its recipe")
    page.goto(f"{site.issuer}/account")
    expect(page.locator("#password")).to_be_visible()


def leave_by(page: Page, method: str) -> None:
    """Call what leads away from the page."""
    page.wait_for_function("window.users")
    with page.expect_navigation():
        page.evaluate(f"() => {{ window.users.{method}(); }}")
