"""Refreshing: once for several commands at a time, and never into a sign-out."""

import pytest

from demo.browser import Browser
from tests.native.conftest import expire_here, secrets_of, sign_in
from tests.support.waiting import PATIENCE, wait_until

pytestmark = pytest.mark.processes
TOKEN = "POST /token"


def test_several_commands_at_once_redeem_the_refresh_token_once(phone, network):
    sign_in(phone)
    expire_here(phone)
    network.requests.clear()
    network.hold(TOKEN)

    with phone.running("call-api") as first, phone.running("call-api") as second:
        wait_until(network.has_held.is_set)
        network.let_go.set()
        said = [process.communicate(timeout=PATIENCE)[0] for process in (first, second)]

    assert [first.returncode, second.returncode] == [0, 0], said
    # Once without the nonce, and once with it.
    assert network.requests.count(TOKEN) == 2
    assert phone.run("call-api").code == 0


def test_a_sign_out_waits_for_no_refresh_and_nothing_of_it_is_kept(phone, network):
    sign_in(phone)
    expire_here(phone)
    network.hold(TOKEN)

    with phone.running("call-api") as refreshing:
        wait_until(network.has_held.is_set)
        signed_out = phone.run("logout")
        network.let_go.set()
        said, _ = refreshing.communicate(timeout=PATIENCE)

    assert signed_out.code == 0
    assert refreshing.returncode == 3, said
    assert {name.partition("/")[0] for name in secrets_of(phone)} == {"pending"}
    assert phone.run("flush").code == 0
    assert secrets_of(phone) == {}


def test_a_sign_in_is_not_touched_by_the_end_of_the_one_before(phone, network):
    """Ada's call is on its way while Ben signs in; the refusal that it gets is not Ben's."""
    sign_in(phone)
    network.hold("GET /userinfo")

    with phone.running("call-api") as calling:
        wait_until(network.has_held.is_set)
        network.held = None
        sign_in(phone, Browser(), "ben")
        phone.run("flush")
        network.let_go.set()
        said, _ = calling.communicate(timeout=PATIENCE)

    assert calling.returncode == 3, said
    assert "Signed in as Ben" in phone.run("whoami").text
