"""Sign out on all devices: asked, the provider first, and nothing is deleted before it has said yes."""

import sqlite3
from dataclasses import replace

import pytest

from demo.browser import Browser
from tests.native.conftest import Server, asks_for_password, expire_here, secrets_of, sign_in, text_in
from tests.support.waiting import PATIENCE, wait_until

pytestmark = pytest.mark.processes
EVERYWHERE = "POST /account/sign-out-everywhere"


def age(server: Server, *tables: str) -> None:
    """Let the provider's tokens run out."""
    with sqlite3.connect(server.data / "curfew.sqlite3", timeout=PATIENCE) as database:
        for table in tables:
            database.execute(f"UPDATE {table} SET expires_at = '2020-01-01 00:00:00.000000'")
    database.close()


def test_every_device_and_browser_is_signed_out(phone, tablet):
    browser, other = Browser(), Browser()
    sign_in(phone, browser)
    sign_in(tablet, other)
    tablet.run("call-api")

    said = phone.run("logout", "--everywhere", answer="y\n")

    assert said.code == 0
    assert "This cannot be undone" in said.text
    assert secrets_of(phone) == {}
    refused = tablet.run("call-api")
    assert refused.code == 3
    assert "Your session has ended" in refused.text
    assert secrets_of(tablet) == {}
    assert "Ada" not in text_in(tablet.folder)
    assert asks_for_password(phone, browser)
    assert asks_for_password(tablet, other)


def test_nothing_happens_if_the_person_says_no(phone, tablet, network):
    sign_in(phone)
    sign_in(tablet)
    before = secrets_of(phone)

    said = phone.run("logout", "--everywhere", answer="n\n")

    assert said.code == 6
    assert EVERYWHERE not in network.requests
    assert secrets_of(phone) == before
    assert tablet.run("whoami").code == 0


def test_without_a_network_nothing_is_deleted_and_the_local_way_is_offered(phone, tablet, network):
    sign_in(phone)
    sign_in(tablet)
    before = secrets_of(phone)
    network.is_on = False

    said = phone.run("logout", "--everywhere", "--yes")

    assert said.code == 5
    assert "Nothing was deleted" in said.text
    assert "sign out on this device alone" in said.text
    assert secrets_of(phone) == before
    network.is_on = True
    assert phone.run("whoami").code == 0
    assert tablet.run("whoami").code == 0


def test_a_lost_response_deletes_nothing_and_the_second_attempt_is_answered(phone, network):
    sign_in(phone)
    before = secrets_of(phone)
    network.lost = EVERYWHERE
    lost = phone.run("logout", "--everywhere", "--yes")
    assert (lost.code, secrets_of(phone)) == (5, before)
    network.lost = None

    again = phone.run("logout", "--everywhere", "--yes")

    assert again.code == 0
    assert secrets_of(phone) == {}


@pytest.mark.parametrize("device_knows", [True, False])
def test_an_expired_access_token_is_no_obstacle(phone, tablet, server, device_knows):
    sign_in(phone)
    sign_in(tablet)
    age(server, "access_token")
    if device_knows:
        expire_here(phone)

    said = phone.run("logout", "--everywhere", answer="y\n")

    assert said.code == 0, said.text
    assert tablet.run("call-api").code == 3


def test_an_expired_session_is_reported_as_such_and_the_app_stays_as_it_was(phone, server):
    sign_in(phone)
    before = secrets_of(phone)
    age(server, "access_token", "refresh_token")

    said = phone.run("logout", "--everywhere", answer="y\n")

    assert said.code == 4
    assert "Invalid or expired session (9002)" in said.text
    assert secrets_of(phone) == before
    assert phone.run("logout").code == 0


def test_without_a_sign_in_the_code_says_so(phone):
    said = phone.run("logout", "--everywhere", "--yes")

    assert said.code == 3
    assert "(9001)" in said.text


def test_any_other_refusal_has_a_code_and_the_servers_message(phone):
    limited = replace(phone, options=(*phone.options, "--scope", "openid profile offline_access"))
    sign_in(limited)
    before = secrets_of(limited)

    said = limited.run("logout", "--everywhere", "--yes")

    assert said.code == 1
    assert "the scope account is required (9000)" in said.text
    assert secrets_of(limited) == before


def test_a_second_sign_out_is_not_begun_while_one_is_in_progress(phone, network):
    sign_in(phone)
    network.hold(EVERYWHERE)

    with phone.running("logout", "--everywhere", "--yes") as first:
        wait_until(network.has_held.is_set)
        second = phone.run("logout", "--everywhere", "--yes")
        here = phone.run("logout")
        shown = phone.run("whoami")
        submitted = network.requests.count(EVERYWHERE)
        network.let_go.set()
        said, _ = first.communicate(timeout=PATIENCE)

    assert (second.code, here.code) == (7, 7)
    assert "A sign-out is in progress." in shown.text
    assert first.returncode == 0, said
    assert submitted == 1


def test_the_push_hook_is_called(phone, tmp_path):
    hook, calls = tmp_path / "hook", tmp_path / "calls"
    hook.write_text(f'#!/bin/sh\necho "$1" >> {calls}\n')
    hook.chmod(0o755)
    phone = replace(phone, options=(*phone.options, "--push-hook", str(hook)))
    sign_in(phone)

    phone.run("logout", "--everywhere", "--yes")

    assert calls.read_text().split() == ["register", "deregister"]
