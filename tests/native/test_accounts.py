"""Other people on the device, other sign-ins of the same person, and backups that come back."""

import shutil
from dataclasses import replace

import pytest

from demo.browser import Browser
from demo.phone import address_in
from tests.native.conftest import asks_for_password, secrets_of, sign_in, text_in
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.processes


def test_a_switch_of_accounts_leaves_nothing_of_the_first_one(phone):
    browser = Browser()
    sign_in(phone, browser)
    phone.run("call-api")
    adas = secrets_of(phone)

    said = sign_in(phone, Browser(), "ben")

    assert "Signed in as Ben" in said.text
    stored = text_in(phone.folder)
    assert "Ada" not in stored
    assert adas["account"] not in stored
    assert adas["dpop_key"] not in secrets_of(phone).values()
    assert "Ben" in phone.run("accounts").text
    assert {name for name in secrets_of(phone) if name.startswith("pending")} == set()
    assert "Signed in as Ben" in phone.run("whoami").text


def test_a_switch_asks_for_the_password_although_the_browser_has_a_session(phone):
    browser = Browser()
    sign_in(phone, browser)

    assert asks_for_password(phone, browser)


def test_a_switch_that_is_abandoned_changes_nothing(phone):
    browser = Browser()
    sign_in(phone, browser)
    before = secrets_of(phone)

    with phone.running("login", "--no-browser") as process:
        browser.open(address_in(process))
        browser.press("sign-in", username="ada", password="a-long-enough-password")
        browser.press("deny")
        said, _ = process.communicate(timeout=PATIENCE)

    assert process.returncode == 1
    assert "Not signed in" in said
    assert secrets_of(phone) == before
    assert phone.run("whoami").code == 0


def test_signing_in_again_with_the_same_browser_survives_the_revocation_of_the_first_sign_in(phone):
    browser = Browser()
    sign_in(phone, browser)
    sign_in(phone, browser)

    assert "Handed in what was pending: 1." in phone.run("accounts").text
    assert "Signed in as Ada" in phone.run("whoami").text


def test_a_restored_backup_is_refused_and_cleared(phone, tmp_path):
    sign_in(phone)
    phone.run("call-api")
    backup = tmp_path / "backup"
    shutil.copytree(phone.folder, backup)
    assert phone.run("logout", "--everywhere", "--yes").code == 0
    shutil.rmtree(phone.folder)
    shutil.copytree(backup, phone.folder)

    said = phone.run("whoami")

    assert said.code == 3
    assert "Your session has ended" in said.text
    assert secrets_of(phone) == {}
    assert "Ada" not in text_in(phone.folder)


def test_a_restored_folder_without_its_secrets_is_cleared(phone):
    sign_in(phone)
    phone.run("call-api")
    for file in phone.folder.glob("insecure-*"):
        file.unlink()

    said = phone.run("accounts")

    assert "No account" in said.text
    assert "Ada" not in text_in(phone.folder)


def test_stored_data_is_shown_without_a_network_only_for_as_long_as_allowed(phone, network):
    sign_in(phone)
    phone.run("call-api")
    network.is_on = False

    whoami, output = phone.run("whoami"), phone.run("call-api")
    locked = replace(phone, options=(*phone.options, "--offline-limit", "0")).run("call-api")

    assert (whoami.code, output.code, locked.code) == (0, 0, 5)
    assert "Not checked now" in whoami.text
    assert "No network; this is the response of" in output.text
    assert "Locked" in locked.text
    assert "Ada" not in locked.text


def test_a_code_is_worth_nothing_without_the_key_of_the_device(phone):
    """The address has no secret: neither the verifier nor the key is in it, and another state is refused."""
    with phone.running("login", "--no-browser") as process:
        address = address_in(process)

    assert "dpop_jkt=" in address
    assert "code_challenge_method=S256" in address
    assert "verifier" not in address
