"""Sign out on this device: at once, without a network, and the provider is asked later."""

import json
import shutil
from dataclasses import replace

import pytest

from demo.browser import Browser
from demo.phone import address_in
from tests.native.conftest import asks_for_password, file_of, secrets_of, sign_in, text_in
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.processes


def test_it_makes_no_request_and_leaves_nothing_but_the_pending_revocation(phone, network):
    sign_in(phone)
    phone.run("call-api")
    before = secrets_of(phone)
    network.requests.clear()

    said = phone.run("logout")

    assert (said.code, network.requests) == (0, [])
    left = secrets_of(phone)
    assert {name.partition("/")[0] for name in left} == {"pending"}
    assert before["refresh_token"] in json.dumps(left)
    stored = text_in(phone.folder)
    assert before["dpop_key"][40:80] not in stored
    assert "Ada" not in stored
    assert "access_token" not in stored


def test_whoami_shows_what_is_pending_until_it_is_handed_in(phone, network):
    sign_in(phone)
    network.is_on = False
    assert phone.run("logout").code == 0

    offline = phone.run("whoami")
    network.is_on = True
    accounts = phone.run("accounts")

    assert offline.code == 3
    assert "revocation at the provider" in offline.text
    assert "not signed in" in offline.text
    assert "Handed in what was pending: 1." in accounts.text
    assert network.requests.count("POST /revoke") == 1
    assert secrets_of(phone) == {}
    assert "Pending" not in phone.run("whoami").text


def test_what_was_handed_in_is_refused_by_the_provider(phone, make_phone):
    sign_in(phone)
    thief = make_phone("thief")
    shutil.copytree(phone.folder, thief.folder)
    assert thief.run("whoami").code == 0

    phone.run("logout")
    assert thief.run("whoami").code == 0, "the provider was not notified yet"
    assert phone.run("flush").text == "Handed in: 1.\n"

    assert thief.run("whoami").code == 3
    assert secrets_of(thief) == {}


def test_flush_waits_for_a_network_and_says_when_there_was_none(phone, network):
    sign_in(phone)
    phone.run("logout")
    network.is_on = False

    at_once = phone.run("flush")
    with phone.running("flush", "--wait", "50") as waiting:
        network.is_on = True
        said, _ = waiting.communicate(timeout=PATIENCE)

    assert at_once.code == 5
    assert "Still pending: 1" in at_once.text
    assert (waiting.returncode, said) == (0, "Handed in: 1.\n")


@pytest.mark.parametrize("shares_browser", [False, True], ids=["another browser", "the same browser"])
def test_other_devices_stay_signed_in(phone, tablet, shares_browser):
    browser = Browser()
    sign_in(phone, browser)
    sign_in(tablet, browser if shares_browser else Browser())

    phone.run("logout")
    phone.run("flush")

    assert tablet.run("call-api").code == 0
    assert "Signed in as Ada" in tablet.run("whoami").text


def test_one_that_was_cut_off_is_finished_at_the_next_start(phone):
    sign_in(phone)
    before = secrets_of(phone)
    phone.run("logout")
    # As if the process had been killed after writing down the revocation, before deleting anything.
    file_of(phone).write_text(json.dumps(before | secrets_of(phone)))

    said = phone.run("accounts")

    assert "interrupted is now complete" in said.text
    assert "No account" in said.text
    assert secrets_of(phone) == {}


def test_the_next_sign_in_asks_for_the_password_although_the_browser_has_a_session(phone):
    browser = Browser()
    sign_in(phone, browser)

    phone.run("logout")

    assert asks_for_password(phone, browser)


def test_the_browser_can_be_signed_out_too(phone, make_phone):
    browser = Browser()
    sign_in(phone, browser)
    with phone.running("logout", "--browser", "--no-browser") as process:
        browser.open(address_in(process))
        process.communicate(timeout=PATIENCE)

    browser.press("sign-out")

    assert asks_for_password(make_phone("another"), browser)


def test_without_a_network_the_browser_is_left_to_the_next_sign_in(phone, network):
    browser = Browser()
    sign_in(phone, browser)
    network.is_on = False

    said = phone.run("logout", "--browser", "--no-browser")

    assert said.code == 5
    assert "Signed out on this device." in said.text
    network.is_on = True
    assert asks_for_password(phone, browser)


def test_it_needs_a_sign_in(phone):
    said = phone.run("logout")

    assert said.code == 3
    assert "not signed in" in said.text


def test_a_hook_that_fails_is_called_again(phone, tmp_path):
    hook, calls = tmp_path / "hook", tmp_path / "calls"
    hook.write_text(f'#!/bin/sh\necho "$@" >> {calls}\ntest ! -e {tmp_path / "broken"}\n')
    hook.chmod(0o755)
    phone = replace(phone, options=(*phone.options, "--push-hook", str(hook)))
    sign_in(phone)
    (tmp_path / "broken").touch()

    assert phone.run("logout").code == 0
    assert "push deregistration" in phone.run("whoami").text
    (tmp_path / "broken").unlink()
    assert phone.run("flush").code == 0

    acts = [line.split()[0] for line in calls.read_text().splitlines()]
    assert (acts[0], set(acts[1:])) == ("register", {"deregister"})
    assert len({line.split()[1] for line in calls.read_text().splitlines()}) == 1
    assert secrets_of(phone) == {}
