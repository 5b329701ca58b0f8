"""Authlib's client in a Flask app: sign-in, userinfo, refresh and sign-out."""

import pytest

from tests.interop.authlib_app import authlib_app, served
from tests.support.demo import free_run


@pytest.fixture(scope="module")
def app_url(site, register):
    port = free_run(1)
    url = f"http://127.0.0.1:{port}"
    client = register(
        client_name="A Flask app",
        redirect_uris=[f"{url}/callback"],
        post_logout_redirect_uris=[f"{url}/signed-out"],
        grant_types=["authorization_code", "refresh_token"],
        scope="openid profile email offline_access",
    )
    with served(authlib_app(site.issuer, client), port):
        yield url


@pytest.mark.spec("core §3.1.3.7, core 15, core 24, rpinitiated 7")
def test_a_flask_app_signs_ada_in_and_out(ada, app_url, site):
    ada.go(f"{app_url}/login")
    me = ada.browser.ask("GET", f"{app_url}/me").json()
    assert me["email"] == "ada@example.test"

    kept = ada.browser.ask("GET", f"{app_url}/token").json()
    assert ada.browser.ask("GET", f"{app_url}/me-later").json() == me
    assert ada.browser.ask("GET", f"{app_url}/token").json() != kept

    assert ada.go(f"{app_url}/logout").startswith(f"{app_url}/signed-out?state=")
    assert ada.browser.status == 200
    ada.browser.open(f"{app_url}/login")
    assert ada.browser.url.startswith(site.issuer)
    assert ada.browser.has("sign-in")
