"""People and apps come through a real proxy that is configured by its sample: nginx or Caddy."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from demo.browser import Browser
from tests.deploy.proxies import Place, caddy_command, find, make_place, nginx_command, running
from tests.faults.databases import SQLiteDatabase
from tests.faults.site import PASSWORD, Site
from tests.interop.landing import Landing
from tests.support.certificates import Shown
from tests.support.relying_party import CHALLENGE, VERIFIER
from tests.support.waiting import PATIENCE

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("proxies")]
COMMANDS = {"nginx": nginx_command, "caddy": caddy_command}
SECRET = "a-secret-of-the-red-app-for-this-test"
FORGED = "203.0.113.7"


@dataclass(frozen=True)
class Proxied:
    """A provider behind a proxy, as everyone outside finds it."""

    place: Place
    site: Site
    landing: Landing

    @property
    def issuer(self) -> str:
        return self.place.origin + self.place.path

    def ask(self, method: str, url: str, **how) -> requests.Response:
        return requests.request(
            method, url, verify=self.place.authority, timeout=PATIENCE, allow_redirects=False, **how
        )

    def token_for_batch(self, origin: str, **how) -> requests.Response:
        """Ask for a token as the app that authenticates by a certificate."""
        form = {"grant_type": "client_credentials", "client_id": "batch"}
        return self.ask("POST", f"{origin}{self.place.path}/token", data=form, **how)


def settings_at(place: Place) -> dict[str, str]:
    return {
        "issuer": place.origin + place.path,
        "trusted_proxies": "1",
        "client_certificate_header": "XClientCert",
        "client_certificate_verified_header": "XClientVerify",
        "mtls_origin": f"https://localhost:{place.mtls}",
    }


@pytest.fixture(scope="module", params=["", "/auth"], ids=["a host of its own", "below a path"])
def provider(request, warm_programs, tmp_path_factory) -> Iterator[tuple[Place, Site, Landing]]:
    folder = tmp_path_factory.mktemp("proxy")
    place = make_place(folder, request.param)
    database = SQLiteDatabase(folder / "curfew.sqlite3")
    site = Site(folder, database, {}, place.upstream, settings=settings_at(place), warm=warm_programs)
    with Landing() as landing:
        red = ["client", "add", "--client-id", "red", "--client-secret", SECRET, "--first-party"]
        red += ["--redirect-uri", f"{landing.url}/callback"]
        batch = ["client", "add", "--client-id", "batch", "--token-endpoint-auth-method", "tls_client_auth"]
        batch += ["--tls-client-auth-san-dns", "batch.example", "--grant-type", "client_credentials"]
        site.curfew_many([["db", "upgrade"], ["user", "add", "ada"], red, batch])
        try:
            site.start_web()
            yield place, site, landing
        finally:
            site.close()


@pytest.fixture(scope="module", params=COMMANDS)
def proxied(request, provider) -> Iterator[Proxied]:
    if find(request.param) is None:
        pytest.skip(f"{request.param} is not installed, so no test came through it")
    place, site, landing = provider
    with running(COMMANDS[request.param](place), place):
        yield Proxied(place, site, landing)


@pytest.fixture
def browser(proxied) -> Browser:
    browser = Browser()
    browser._session.verify = str(proxied.place.authority)
    return browser


def sign_in(proxied: Proxied, browser: Browser) -> str:
    """Sign Ada in at the red app; returns her ID Token."""
    browser.open(
        f"{proxied.issuer}/authorize",
        client_id="red",
        redirect_uri=f"{proxied.landing.url}/callback",
        response_type="code",
        scope="openid",
        code_challenge=CHALLENGE,
        code_challenge_method="S256",
    )
    browser.press("sign-in", username="ada", password=PASSWORD)
    form = {
        "grant_type": "authorization_code",
        "code": browser.answer("code"),
        "redirect_uri": f"{proxied.landing.url}/callback",
        "code_verifier": VERIFIER,
    }
    response = proxied.ask("POST", f"{proxied.issuer}/token", data=form, auth=("red", SECRET))
    assert response.status_code == 200, response.text
    return response.json()["id_token"]


def test_ada_signs_in_and_out(proxied, browser):
    id_token = sign_in(proxied, browser)
    assert {cookie.secure for cookie in browser._session.cookies} == {True}

    browser.open(f"{proxied.issuer}/session/end", id_token_hint=id_token)

    assert browser.status == 200
    browser.open(f"{proxied.issuer}/account")
    assert browser.has("sign-in")


def test_the_address_of_a_person_is_the_one_that_the_proxy_saw(proxied, browser):
    browser._session.headers.update({"X-Forwarded-For": FORGED, "Forwarded": f"for={FORGED}"})
    sign_in(proxied, browser)

    listed = json.loads(proxied.site.curfew("audit", "list", "--account", "ada", "--json"))

    assert FORGED not in json.dumps(listed)
    assert listed[0]["ip"] == "127.0.0.1"


def test_metadata_is_found_where_apps_look_for_it(proxied):
    path = proxied.place.path
    addresses = (
        f"{path}/.well-known/openid-configuration",
        f"/.well-known/openid-configuration{path}",
        f"/.well-known/oauth-authorization-server{path}",
    )
    for address in addresses:
        assert proxied.ask("GET", proxied.place.origin + address).json()["issuer"] == proxied.issuer


@pytest.mark.spec("rfc8705 §2.1")
def test_an_app_authenticates_by_its_certificate_at_the_host_for_it(proxied):
    origin = f"https://localhost:{proxied.place.mtls}"

    assert (
        proxied.token_for_batch(origin, cert=str(proxied.place.certificate("batch.example"))).status_code
        == 200
    )
    assert proxied.token_for_batch(origin).status_code == 401


def test_a_certificate_in_a_header_is_worth_nothing(proxied):
    pem = proxied.place.certificate("batch.example").read_bytes()
    der = x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)
    for origin in (proxied.place.origin, f"https://localhost:{proxied.place.mtls}"):
        assert proxied.token_for_batch(origin, headers=Shown(der).headers()).status_code == 401


def test_what_is_for_the_monitoring_is_not_found_outside(proxied):
    for address in ("/health/ready", "/metrics"):
        assert proxied.ask("GET", proxied.issuer + address).status_code == 404


def test_a_large_body_ends_at_the_proxy(proxied):
    response = proxied.ask("POST", f"{proxied.issuer}/token", data=b"a" * 200_000)

    assert response.status_code == 413
    assert "request_body" not in response.text


def test_plain_http_leads_to_https(proxied):
    response = proxied.ask("GET", f"http://localhost:{proxied.place.http}{proxied.place.path}/account")

    assert response.status_code in (301, 308)
    assert response.headers["Location"].startswith("https://localhost")


def test_no_query_is_logged(proxied):
    proxied.ask("GET", f"{proxied.issuer}/session/end?id_token_hint=a-secret-hint")

    logs = [log for log in Path(proxied.place.folder).glob("*.log") if "/session/end" in log.read_text()]
    assert logs
    assert [log for log in logs if "a-secret-hint" in log.read_text()] == []
