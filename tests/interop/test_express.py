"""Express apps that are the printed recipes: express-openid-connect, Auth.js and Passport."""

import pytest

from tests.interop.node_app import find_node, node_app
from tests.support.demo import free_run
from tests.support.waiting import wait_until

# Each shows whom it knows.
OPENID_CONNECT = """
app.get("/", (request, response) => response.json({ name: request.oidc.user.name }));
"""
PASSPORT_BEFORE = """
const express = require("express");
const app = express();
app.use(require("express-session")({ secret: "its own", resave: false, saveUninitialized: false }));
app.use(require("passport").session());
require("passport").serializeUser((user, done) => done(null, user));
require("passport").deserializeUser((user, done) => done(null, user));
"""
PASSPORT = """
app.get("/", (request, response) => response.json({ name: request.user.displayName }));
"""
PACKAGES = {
    "express-openid-connect": "express-openid-connect",
    "auth-js": "@auth/express",
    "passport": "passport-openidconnect",
}
OWN_SECRET = "a secret of the app's own, and long enough"


@pytest.fixture(scope="module")
def serve(add_for):
    """Runs the app of a recipe by `node_app`."""

    def serve(software, *, before="", after="", **options):
        if find_node(PACKAGES[software]) is None:
            pytest.skip(f"{software} is not installed: `make interop` gets it, given Node.js with npm")
        port = free_run(1)
        client = add_for(software, f"http://127.0.0.1:{port}")
        secrets = {"CURFEW_CLIENT_SECRET": client.secret, "SECRET": OWN_SECRET, "AUTH_SECRET": OWN_SECRET}
        return node_app(before + client.files["app.js"] + after, port, **options, **secrets)

    return serve


@pytest.fixture(scope="module")
def app(serve):
    with serve("express-openid-connect", after=OPENID_CONNECT) as url:
        yield url


def name_at(person, app):
    """The name that the app knows, or None if it sends the browser to the provider."""
    response = person.browser.ask("GET", f"{app}/")
    return response.json()["name"] if response.url.startswith(app) else None


@pytest.mark.spec("core §3.1.3.7, core 16, rpinitiated 11")
def test_express_openid_connect_signs_ada_in_and_out(ada, app, site):
    ada.go(f"{app}/login")
    assert name_at(ada, app) == "Ada Lovelace"

    # The page to which it comes back is protected, so that the provider asks who she is.
    ada.browser.open(f"{app}/logout")

    assert ada.browser.trail[1].startswith(f"{site.issuer}/session/end")
    assert name_at(ada, app) is None


@pytest.mark.spec("backchannel OP 4, backchannel OP 10, backchannel §2.8")
def test_a_logout_token_ends_one_browser_at_express_openid_connect(ada, ada_elsewhere, app, site):
    for person in (ada, ada_elsewhere):
        person.go(f"{app}/login")
        assert name_at(person, app) == "Ada Lovelace"

    ada.go(f"{site.issuer}/session/end")

    wait_until(lambda: name_at(ada, app) is None)
    assert name_at(ada_elsewhere, app) == "Ada Lovelace"


def test_auth_js_knows_the_name(ada, serve):
    with serve("auth-js", module=True, AUTH_TRUST_HOST="true") as app:
        token = ada.browser.ask("GET", f"{app}/auth/csrf").json()["csrfToken"]
        form = {"csrfToken": token, "callbackUrl": f"{app}/auth/session"}
        begun = ada.browser.ask("POST", f"{app}/auth/signin/curfew", json=form)

        ada.go(begun.url)

        assert ada.browser.ask("GET", f"{app}/auth/session").json()["user"]["name"] == "Ada Lovelace"


def test_passport_knows_the_name(ada, serve):
    with serve("passport", before=PASSPORT_BEFORE, after=PASSPORT) as app:
        ada.go(f"{app}/login")

        assert name_at(ada, app) == "Ada Lovelace"
