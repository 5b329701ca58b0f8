"""`curfew dev` serves the provider with test people and clients, and only to this machine (THR-54)."""

import json
import os
import signal
import socket

import jwt
import pytest
import requests
from click.testing import CliRunner

from demo.browser import Browser as FormBrowser
from provider.accounts import queries
from provider.cli import main
from provider.dev.compose import compose_web
from provider.dev.faults import Faults
from provider.dev.population import populate
from provider.dev.settings import settings_for
from provider.infrastructure.database import db
from tests.dev.conftest import Browser, start
from tests.support.waiting import PATIENCE

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("curfew dev")]


def test_people_sign_in_with_the_printed_password(dev):
    person, client = dev.about["people"][0], dev.about["clients"][1]
    browser = FormBrowser()

    browser.open(
        f"{dev.issuer}/authorize",
        client_id=client["client_id"],
        redirect_uri=f"{dev.issuer}/anywhere",
        response_type="code",
        scope="openid",
        code_challenge="E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        code_challenge_method="S256",
    )
    browser.press("sign-in", username=person["username"], password=person["password"])

    assert browser.answer("code")


def test_the_ready_made_app_takes_any_address_on_loopback(dev):
    client = dev.about["clients"][0]
    asked = {"client_id": client["client_id"], "response_type": "code", "scope": "openid"}

    for address in ("http://localhost:4711/a/b?c=d", "http://127.0.0.1:1/", "http://[::1]:9/x"):
        response = requests.get(
            f"{dev.issuer}/authorize",
            params=asked | {"redirect_uri": address, "prompt": "none"},
            allow_redirects=False,
            timeout=PATIENCE,
        )
        assert response.headers["Location"].startswith(address), address
    for elsewhere in ("https://app.example/", "http://localhost.evil.test/", "http://10.0.0.1/"):
        response = requests.get(
            f"{dev.issuer}/authorize",
            params=asked | {"redirect_uri": elsewhere},
            allow_redirects=False,
            timeout=PATIENCE,
        )
        assert response.status_code == 400, elsewhere


def test_a_client_that_registers_addresses_has_those_alone(dev):
    made = dev.post("/clients", {"redirect_uris": ["http://localhost:3000/callback"]})

    response = requests.get(
        f"{dev.issuer}/authorize",
        params={"client_id": made["client_id"], "redirect_uri": "http://localhost:3000/other"},
        timeout=PATIENCE,
    )

    assert (made["takes_any_loopback_uri"], response.status_code) == (False, 400)


def test_anyone_may_register_a_client(dev):
    metadata = {
        "redirect_uris": ["http://localhost:3000/cb"],
        "backchannel_logout_uri": "http://127.0.0.1:3000/o",
    }

    assert requests.post(f"{dev.issuer}/register", json=metadata, timeout=PATIENCE).status_code == 201


def test_a_page_of_another_site_registers_none(dev):
    metadata = {"redirect_uris": ["http://localhost:3000/cb"]}
    headers = {"Origin": "https://evil.test", "Sec-Fetch-Site": "cross-site"}

    response = requests.post(f"{dev.issuer}/register", json=metadata, headers=headers, timeout=PATIENCE)

    assert response.status_code == 403


def test_a_sign_out_at_the_app_leads_back_to_any_address_on_loopback(dev, rp, person):
    browser = Browser(dev, person)
    hint = browser.sign_in(rp)["id_token"]

    response = browser.http.get(
        f"{dev.issuer}/session/end",
        params={"id_token_hint": hint, "post_logout_redirect_uri": "http://localhost:3000/bye"},
        allow_redirects=False,
        timeout=PATIENCE,
    )

    assert response.headers["Location"] == "http://localhost:3000/bye"
    # One that is in order: the app would find the session that its ID Token named.
    assert (
        jwt.decode(rp.tokens[0], options={"verify_signature": False})["sid"]
        == jwt.decode(hint, options={"verify_signature": False})["sid"]
    )


@pytest.mark.parametrize("host", ["evil.test", "localhost.evil.test:{port}", "localhost:1", ""])
@pytest.mark.parametrize("path", ["/dev/api/ready", "/dev", "/authorize"])
def test_another_host_is_refused(dev, host, path):
    port = dev.issuer.rpartition(":")[2]

    response = requests.get(dev.issuer + path, headers={"Host": host.format(port=port)}, timeout=PATIENCE)

    assert response.status_code == 421


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({"Origin": "https://evil.test"}, 403, id="of another origin"),
        pytest.param({"Origin": "http://localhost:3000"}, 403, id="of another port"),
        pytest.param({"Origin": "null"}, 403, id="of no origin"),
        pytest.param({"Sec-Fetch-Site": "cross-site"}, 403, id="of another site"),
        pytest.param({"Sec-Fetch-Site": "same-site"}, 403, id="of another port of this host"),
        pytest.param({"Content-Type": "text/plain"}, 415, id="as a form can send it"),
        pytest.param({"Content-Type": ""}, 415, id="without a type"),
    ],
)
def test_a_web_page_cannot_drive_the_api(dev, headers, status):
    before = len(dev.get("/people")["people"])

    response = dev.call("POST", "/people", {}, **headers)

    assert (response.status_code, response.json()["error"]) == (status, "invalid_request")
    assert "Access-Control-Allow-Origin" not in response.headers
    assert len(dev.get("/people")["people"]) == before


def test_a_web_page_cannot_read_the_api(dev):
    assert dev.call("GET", "/sessions", **{"Sec-Fetch-Site": "cross-site"}).status_code == 403


def test_the_page_is_driven_by_its_own_forms_alone(dev, person):
    browser = Browser(dev, person)
    form = {"session": browser.session["id"]}

    response = browser.http.post(f"{dev.issuer}/dev", data=form, timeout=PATIENCE)

    assert response.status_code == 403
    assert dev.get(f"/sessions?username={person}")["sessions"][0]["is_live"]


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_it_listens_on_loopback_alone(dev, address):
    port = int(dev.issuer.rpartition(":")[2])
    with socket.create_connection((address, port), timeout=PATIENCE):
        pass
    with socket.socket() as probe:
        # Where everything is listened on, this would be taken.
        probe.bind(("127.0.0.2", port))


def test_its_folder_lasts_and_settings_of_an_installation_are_ignored(tmp_path):
    folder = tmp_path / "data"
    environ = os.environ | {"CURFEW_DATABASE_URL": "postgresql+psycopg://production/curfew"}
    with start("--port", "0", "--data", str(folder), "--json", "--stop-at-eof", environ=environ) as process:
        issuer = json.loads(process.stdout.readline())["issuer"]
        requests.post(f"{issuer}/dev/api/people", json={"username": "dora"}, timeout=PATIENCE)
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)
        errors = process.stderr.read()

    assert process.returncode == 0
    assert errors == "curfew dev: has settings of its own and ignores CURFEW_DATABASE_URL\n"
    again = compose_web(settings_for(8900, folder), Faults())
    with again.app_context():
        populate(None)
        assert [one.username for one in queries.list_accounts()] == ["ada", "ben", "cleo", "dora"]
        db.engine.dispose()


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        pytest.param(["--port", "{taken}"], "is taken; choose another by --port", id="a taken port"),
        pytest.param(["--data", "{folder}"], "is neither empty nor one of curfew dev", id="another folder"),
    ],
)
def test_what_it_cannot_use_is_said(dev, tmp_path, arguments, why):
    (tmp_path / "curfew.sqlite3").touch()
    given = [one.format(taken=dev.issuer.rpartition(":")[2], folder=tmp_path) for one in arguments]

    result = CliRunner().invoke(main, ["dev", "--port", "0", *given])

    assert (result.exit_code, why in result.stderr) == (1, True)
    assert [path.name for path in tmp_path.iterdir()] == ["curfew.sqlite3"]
