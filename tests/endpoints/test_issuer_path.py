"""An issuer with a path, behind proxies that keep or remove it, seen from a browser and from apps."""

import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from werkzeug.test import Client

from provider.config.checks import WrongSettings
from provider.config.unwise import unwise_settings
from provider.config.url_checks import OWN_SEGMENTS
from tests.factories import PASSWORD, make_session, secret_of
from tests.support.browsers import Page, follow, query_of
from tests.support.prover import Prover
from tests.support.relying_party import VERIFIER, RelyingParty, type_password

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ORIGIN, PATH = "https://id.example", "/auth"
ISSUER = ORIGIN + PATH


def proxy(app, *, strips: bool):
    """A proxy at the issuer's host; everything beside the path and /.well-known/ is another service."""

    def forward(environ, start_response):
        path = environ["PATH_INFO"]
        if not path.startswith((f"{PATH}/", "/.well-known/")) and path != PATH:
            start_response("421 Another service", [("Content-Type", "text/plain")])
            return [b""]
        if strips and path.startswith(PATH):
            environ["PATH_INFO"] = path.removeprefix(PATH) or "/"
        return app(environ, start_response)

    return forward


class Below:
    """Asks for what a test names without the issuer's path below that path."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def get(self, path, **how):
        return self.client.get(PATH + path, **how)

    def post(self, path, **how):
        return self.client.post(PATH + path, **how)


@pytest.fixture
def settings(settings):
    return replace(settings, issuer=ISSUER, registration="open", session_management=True)


@pytest.fixture(params=["keeps the path", "removes the path"])
def site(app, signing_keys, request):
    return proxy(app, strips=request.param == "removes the path")


@pytest.fixture
def person(site):
    return Client(site)


@pytest.fixture
def rp(app, site):
    rp = RelyingParty(app, scope="openid profile email offline_access account")
    rp.http = Below(Client(site, use_cookies=False))
    return rp


@pytest.fixture
def tokens(person, rp, ada):
    """Those of Ada, who has typed her password."""
    params = query_of(type_password(person, rp.authorize(Below(person), scope="openid account")))
    return rp.exchange(params["code"]).json


def own_links(text: str) -> set[str]:
    """The addresses of this host that a page leads to, posts to, loads or asks."""
    found = re.findall(r"""(?:href|src|action|data-state-url)="([^"]*)\"""", text)
    return {link.replace("&amp;", "&") for link in found if link.startswith("/")}


@pytest.mark.spec("rfc8414 2")
@pytest.mark.spec("discovery 1")
@pytest.mark.parametrize(
    "address",
    [
        "/auth/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server/auth",
        "/.well-known/openid-configuration/auth",
    ],
)
def test_both_well_known_forms_describe_the_issuer(site, address):
    response = Client(site).get(address)

    document = response.json
    endpoints = {
        name: url for name, url in document.items() if name.endswith(("_endpoint", "_uri", "_iframe"))
    }
    assert document["issuer"] == ISSUER
    assert len(endpoints) > 9
    assert all(url.startswith(f"{ISSUER}/") for url in endpoints.values()), endpoints


@pytest.mark.parametrize(
    "address", ["/.well-known/oauth-authorization-server/other", "/auth/auth/jwks", "/authx"]
)
def test_other_paths_are_not_the_issuers(app, signing_keys, address):
    assert Client(app).get(address).status_code == 404


def test_a_person_signs_in_and_out(person, rp, ada):
    asked = rp.authorize(Below(person))
    page = Page(person, follow(person, asked))
    params = query_of(follow(person, page.press("sign-in", username="ada", password=PASSWORD)))
    tokens = rp.exchange(params["code"]).json

    assert asked.headers["Location"].startswith(f"{PATH}/sign-in/")
    assert params["iss"] == ISSUER
    assert rp.userinfo(tokens["access_token"]).json["sub"] == ada.sub
    assert "code" in query_of(rp.authorize(Below(person))), "the session's cookie comes back"

    asked = person.get(f"{PATH}/session/end", query_string={"id_token_hint": tokens["id_token"]})
    ended = follow(person, asked)
    assert urlsplit(asked.headers["Location"]).path.startswith(f"{PATH}/session/ended/")
    assert ended.status_code == 200
    assert own_links(ended.text)
    assert all(link.startswith(f"{PATH}/") for link in own_links(ended.text))
    assert rp.userinfo(tokens["access_token"]).status_code == 401
    assert "code" not in rp.authorize(Below(person)).headers["Location"]


def test_every_link_form_and_file_of_the_pages_is_below_the_path(person, tokens, ada):
    make_session(ada)
    seen: set[str] = set()
    to_see = {
        f"{PATH}/",
        f"{PATH}/nowhere",
        f"{PATH}/sign-in/{'x' * 43}",
        f"{PATH}/device",
        f"{PATH}/session/end",
    }
    while to_see:
        address = to_see.pop()
        seen.add(address)
        with person.get(address) as response:
            assert response.status_code in (200, 303, 404, 410), address
            text, location = response.text, response.headers.get("Location")
        found = {link.partition("#")[0] for link in own_links(text) | ({location} if location else set())}
        assert all(link.startswith(f"{PATH}/") for link in found), (address, found)
        to_see |= found - seen

    pages = {urlsplit(address).path for address in seen}
    assert {f"{PATH}/account{page}" for page in ("", "/password", "/everywhere", "/others")} <= pages
    assert any(path.startswith(f"{PATH}/static/") for path in pages)


def test_a_form_of_the_account_signs_out_of_this_browser(person, tokens, rp):
    account = Page(person, person.get(f"{PATH}/account"))
    button = next(name for name, (field, _) in account.form_buttons.items() if field == "browser")

    ended = follow(person, account.press(button))

    assert ended.status_code == 200
    assert rp.userinfo(tokens["access_token"]).status_code == 401
    assert person.get(f"{PATH}/account").headers["Location"].startswith(f"{PATH}/sign-in/")


def test_cookies_stay_below_the_path(person, rp, ada):
    pages = [rp.authorize(Below(person))]
    page = Page(person, follow(person, pages[0]))
    pages.append(page.press("sign-in", username="ada", password=PASSWORD))

    cookies = [cookie for page in pages for cookie in page.headers.getlist("Set-Cookie")]
    assert {cookie.partition("=")[0] for cookie in cookies} >= {
        "__Secure-curfew_browser",
        "__Secure-curfew_session",
    }
    for cookie in cookies:
        assert {"Secure", f"Path={PATH}"} <= set(cookie.split("; ")), cookie
        assert "Domain" not in cookie


def test_a_form_from_the_issuers_own_origin_is_taken_and_no_other(person, rp, ada):
    page = Page(person, follow(person, rp.authorize(Below(person))))
    typed = page.fields | {"username": "ada", "password": PASSWORD}

    refused = person.post(page.action, data=typed, headers={"Origin": "https://other.example"})
    taken = person.post(page.action, data=typed, headers={"Origin": ORIGIN})

    assert (refused.status_code, taken.status_code) == (403, 303)


def test_programs_reach_their_endpoints(rp, tokens):
    token = {"Authorization": f"Bearer {tokens['access_token']}"}
    redirect_uris = {"redirect_uris": ["https://new.test/cb"]}

    assert rp.http.get("/account/sessions", headers=token).status_code == 200
    assert rp.http.get("/jwks").json["keys"]
    assert rp.http.get("/health/live").status_code == 200
    assert rp.http.get("/openapi.json").json["servers"] == [{"url": ISSUER}]
    assert rp.introspect(tokens["access_token"])["iss"] == ISSUER
    assert (
        rp.http.post("/register", json=redirect_uris)
        .json["registration_client_uri"]
        .startswith(f"{ISSUER}/register/")
    )
    # An error for a program stays JSON.
    assert rp.post("/token", grant_type="x").json["error"] == "unsupported_grant_type"


def test_a_proof_names_the_address_with_the_path(rp, person, tokens):
    prover = Prover()

    def exchange(htu):
        code = query_of(rp.authorize(Below(person)))["code"]
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": rp.redirect_uri}
        headers = {"DPoP": prover.proof(htu=htu)}
        proof = ("red", secret_of("red"))
        return rp.http.post("/token", data=form | {"code_verifier": VERIFIER}, headers=headers, auth=proof)

    assert exchange(f"{ORIGIN}/token").json["error"] == "invalid_dpop_proof"
    assert exchange(f"{ISSUER}/token").json["token_type"] == "DPoP"


def test_no_page_names_an_address_that_lacks_the_path():
    """`url_for` and `redirect_to` make what this searches for."""
    literal = re.compile(r"""(?:href|src|action)=["']/|redirect\(f?["']/|_url=["']/""")
    provider = Path(__file__).parents[2] / "provider"
    sources = [*provider.rglob("*.py"), *provider.rglob("*.html")]

    found = [path.name for path in sources if literal.search(path.read_text())]

    assert found == []


class TestForClientsWithCertificates:
    @pytest.fixture
    def settings(self, settings):
        return replace(
            settings, client_certificate_header="XC", trusted_proxies=1, mtls_origin="https://mtls.example"
        )

    def test_their_addresses_have_the_path_too(self, site):
        document = Client(site).get(f"{PATH}/.well-known/openid-configuration").json

        assert document["mtls_endpoint_aliases"]["token_endpoint"] == "https://mtls.example/auth/token"


@pytest.mark.parametrize("issuer", [ISSUER, f"{ORIGIN}/a/b-c_d~e.f", "http://localhost:8900/auth"])
def test_such_paths_are_taken(settings, issuer):
    assert replace(settings, issuer=issuer).issuer == issuer


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/auth/", "slash"),
        ("//auth", "letters"),
        ("/a//b", "letters"),
        ("/a/../b", "letters"),
        ("/./a", "letters"),
        ("/a%2Fb", "letters"),
        ("/a b", "letters"),
        ("/ä", "letters"),
        ("/a;b", "letters"),
        ("/account", "/account, an address of the provider"),
        ("/.well-known/x", "/.well-known, an address of the provider"),
    ],
)
def test_ambiguous_paths_are_refused(settings, path, why):
    with pytest.raises(WrongSettings, match=re.escape(why)):
        replace(settings, issuer=ORIGIN + path)


def test_the_paths_that_are_taken_by_the_provider_itself_are_known(app):
    begins = {rule.rule.split("/")[1] for rule in app.url_map.iter_rules()} - {""}

    assert begins == OWN_SEGMENTS


def test_a_path_is_unwise(settings):
    assert any("has a path" in unwise.problem for unwise in unwise_settings(settings))
