"""A protected API refuses after a sign-out, asks for a recent sign-in, and acts for a person."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest
import requests

from demo.browser import Browser
from demo.phone import Phone, address_in
from demo.processes import own_environment
from tests.native.conftest import PASSWORD, SCOPE, Server, answers, sign_in
from tests.support.demo import free_run
from tests.support.waiting import PATIENCE, wait_until

pytestmark = pytest.mark.processes


class Service:
    """A running service."""

    def __init__(self, port: int) -> None:
        self.url = f"http://localhost:{port}"

    def state(self) -> dict:
        return requests.get(f"{self.url}/state", timeout=PATIENCE).json()

    def newest_call(self) -> dict:
        return self.state()["calls"][0]


@contextmanager
def running(server: Server, name: str, port: int, *options: str) -> Iterator[Service]:
    command = [sys.executable, "-m", "relying_party_demo.protected_api", "--name", name, "--port", str(port)]
    command += ["--issuer", server.issuer, "--client-id", name, *options]
    process = subprocess.Popen(command, env=own_environment(API_CLIENT_SECRET=PASSWORD))
    try:
        service = Service(port)
        wait_until(lambda: answers(f"{service.url}/state"))
        yield service
    finally:
        process.terminate()
        process.wait(PATIENCE)


@pytest.fixture(scope="module")
def services(server: Server) -> Iterator[dict[str, Service]]:
    first = free_run(3)
    with ExitStack() as stack:
        ledger = stack.enter_context(running(server, "ledger", first))
        bank = stack.enter_context(running(server, "bank", first + 1, "--calls", ledger.url))
        cached = stack.enter_context(running(server, "ledger", first + 2, "--kept-for", "600"))
        yield {"ledger": ledger, "bank": bank, "cached": cached}


@pytest.fixture
def bank(services: dict[str, Service]) -> Service:
    return services["bank"]


@pytest.fixture
def make_customer(make_phone: Callable[..., Phone]) -> Callable[[Service], Phone]:
    """A phone whose API is a service's."""

    def make(service: Service, name: str = "customer") -> Phone:
        options = ("--insecure-storage", "--scope", SCOPE, "--api", service.url)
        return make_phone(name, options=options)

    return make


def age_sign_ins(server: Server) -> None:
    """Let every sign-in have happened long ago."""
    with sqlite3.connect(server.data / "curfew.sqlite3", timeout=PATIENCE) as database:
        for table in ("access_token", "refresh_token"):
            database.execute(f"UPDATE {table} SET auth_time = '2020-01-01 00:00:00.000000'")
    database.close()


def test_a_call_is_let_in_by_its_token_and_refused_on_the_next_one_after_a_sign_out(bank, make_customer):
    phone, tablet = make_customer(bank), make_customer(bank, "tablet")
    sign_in(phone)
    sign_in(tablet)

    assert json.loads(phone.run("call-api", "balance").text)["balance"] == 1843
    let_in = bank.newest_call()
    assert (let_in["status"], let_in["client_id"]) == (200, "phone")
    assert let_in["freshness"].startswith("introspection; age=0.")
    assert tablet.run("logout", "--everywhere", "--yes").code == 0

    assert phone.run("call-api", "balance").code == 3
    refused = bank.newest_call()
    assert (refused["status"], refused["reason"]) == (401, "the token is not active")


def test_a_transfer_asks_for_a_recent_sign_in_and_is_made_after_it(bank, make_customer, server):
    phone, browser = make_customer(bank), Browser()
    sign_in(phone, browser)
    assert phone.run("call-api", "transfer", "--post").code == 0
    age_sign_ins(server)
    assert phone.run("call-api", "balance").code == 0

    with phone.running("call-api", "transfer", "--post", "--no-browser") as process:
        address = address_in(process)
        browser.open(address)
        if browser.has("sign-in"):
            browser.press("sign-in", username="ada", password=PASSWORD)
        browser.press("allow")
        said, _ = process.communicate(timeout=PATIENCE)

    assert "max_age=60" in address
    assert process.returncode == 0, said
    assert '"transferred": 1' in said
    assert phone.run("call-api", "transfer", "--post").code == 0


def test_another_persons_sign_in_does_not_make_the_transfer(bank, make_customer, server):
    phone = make_customer(bank)
    sign_in(phone)
    age_sign_ins(server)

    with phone.running("call-api", "transfer", "--post", "--no-browser") as process:
        bens = Browser()
        bens.open(address_in(process))
        bens.press("sign-in", username="ben", password=PASSWORD)
        bens.press("allow")
        said, _ = process.communicate(timeout=PATIENCE)

    assert process.returncode == 1
    assert "another person signed in" in said
    assert "Signed in as Ada" in phone.run("whoami").text
    assert "Pending" not in phone.run("whoami").text


def test_a_job_at_another_service_ends_with_the_person(bank, services, make_customer):
    phone, tablet = make_customer(bank), make_customer(bank, "tablet")
    sign_in(phone)
    sign_in(tablet)

    assert phone.run("call-api", "watch", "--post").code == 0
    wait_until(lambda: bank.state()["watches"][0]["calls"])
    acted = services["ledger"].newest_call()
    assert (acted["path"], acted["status"]) == ("/entries", 200)
    assert (acted["client_id"], acted["actor"]) == ("bank", "bank")
    tablet.run("logout", "--everywhere", "--yes")

    wait_until(lambda: bank.state()["watches"][0]["ended"])
    assert bank.state()["watches"][0]["reason"] == "refused with 401"


def test_a_view_that_is_kept_says_for_how_long_it_may_be_stale(services, make_customer):
    cached = services["cached"]
    phone = make_customer(cached)
    sign_in(phone)
    phone.run("call-api", "balance")
    phone.run("logout")
    phone.run("flush")

    newest = cached.newest_call()
    page = requests.get(cached.url, timeout=PATIENCE).text

    assert "stale-for-at-most=" in newest["freshness"]
    assert "may be accepted for 600 s" in page
    assert "kept for 600 s" in page


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({}, 401, id="no token"),
        pytest.param({"Authorization": "Bearer nonsense"}, 401, id="no token of the provider"),
        pytest.param({"Authorization": "Basic eDp5"}, 400, id="another scheme"),
    ],
)
def test_a_call_without_a_good_token_is_refused_and_recorded(bank, headers, status):
    response = requests.post(f"{bank.url}/transfer", headers=headers, timeout=PATIENCE)

    assert response.status_code == status
    newest = bank.newest_call()
    assert (newest["path"], newest["status"]) == ("/transfer", status)
    assert newest["reason"]


def test_the_page_shows_no_token_and_runs_nothing(bank, make_customer):
    phone = make_customer(bank)
    sign_in(phone)
    phone.run("call-api", "balance")

    page = requests.get(bank.url, timeout=PATIENCE)

    assert "GET /balance" in page.text
    assert "let in (200)" in page.text
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
    token = json.loads(next(iter(phone.folder.glob("insecure-*"))).read_text())["access_token"]
    assert json.loads(token)["value"] not in page.text


def test_a_wrong_configuration_is_one_line():
    command = [sys.executable, "-m", "relying_party_demo.protected_api", "--name", "Bank!", "--port", "1"]
    command += ["--issuer", "http://id.example", "--client-id", "bank"]
    done = subprocess.run(command, env=own_environment(), capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert all(word in done.stderr for word in ("name must be", "issuer must be", "secret is missing"))
