"""oauth2-proxy, configured by its printed recipe, in front of a site: sign-in and sign-out."""

from urllib.parse import quote

import pytest

from tests.interop.app_process import running
from tests.interop.conftest import HERE
from tests.interop.landing import Landing
from tests.support.demo import free_run

PROXY = HERE / "go" / "bin" / "oauth2-proxy"
COOKIE_SECRET = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def client_and_site(add_for, tmp_path):
    if not PROXY.exists():
        pytest.skip("oauth2-proxy is not installed: `make interop` gets it, given Go")
    port = free_run(1)
    url = f"http://127.0.0.1:{port}"
    client = add_for("oauth2-proxy", url)
    secret, config = tmp_path / "client-secret", tmp_path / "oauth2-proxy.cfg"
    secret.write_text(client.secret)
    with Landing() as site:
        text = client.files["oauth2-proxy.cfg"].replace("/etc/oauth2-proxy/client-secret", str(secret))
        text = text.replace("http://127.0.0.1:8080", site.url)
        config.write_text(f'{text}\nhttp_address = "127.0.0.1:{port}"\ncookie_secure = false\n')
        environ = {"OAUTH2_PROXY_COOKIE_SECRET": COOKIE_SECRET, "NO_PROXY": "*"}
        with running([PROXY, "--config", config], tmp_path, f"{url}/ping", environ):
            yield client, url


@pytest.mark.spec("core §3.1.3.7, rpinitiated 11")
def test_it_shows_the_site_to_who_signed_in(ada, client_and_site, site):
    client, site = client_and_site
    assert ada.browser.ask("GET", f"{site}/page").status_code == 403

    ada.go(f"{site}/oauth2/start?rd=/page")
    assert "Landed" in ada.browser.ask("GET", f"{site}/page").text

    address = quote(f"{site.issuer}/session/end?client_id={client.client_id}", safe="")
    ada.go(f"{site}/oauth2/sign_out?rd={address}")

    assert ada.browser.url.startswith(f"{site.issuer}/session/ended")
    assert ada.browser.ask("GET", f"{site}/page").status_code == 403
