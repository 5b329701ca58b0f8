"""`curfew client add --unwise-redirect-uris`: accepted by a switch, kept by later changes, shown."""

import pytest

LAN, APP = "http://192.168.1.20:3000/cb", "myapp:/cb"
RED = ("--client-id", "red", "--redirect-uri", LAN)


def test_an_unwise_address_needs_the_switch_and_is_warned_of(curfew):
    refused = curfew("client", "add", *RED, code=1)
    assert "--unwise-redirect-uris" in refused.err

    added = curfew("client", "add", *RED, "--unwise-redirect-uris")

    assert f"warning: {LAN} uses plain http" in added.err
    shown = curfew("client", "show", "red", "--json").json
    assert shown["redirect_uris"] == [LAN]
    assert list(shown["unwise_redirect_uris"]) == [LAN]
    assert "read and change what is sent" in curfew("client", "show", "red").out


def test_what_was_accepted_stays_and_what_is_new_needs_the_switch_again(curfew):
    curfew("client", "add", *RED, "--unwise-redirect-uris")

    curfew("client", "update", "red", "--client-name", "Red")
    both = ("--redirect-uri", LAN, "--redirect-uri", "http://nas/cb")
    assert "http://nas/cb" in curfew("client", "update", "red", *both, code=1).err
    curfew("client", "update", "red", *both, "--unwise-redirect-uris")
    curfew("client", "update", "red", "--redirect-uri", "https://red.test/cb")
    # It was given up.
    curfew("client", "update", "red", "--redirect-uri", LAN, code=1)


def test_an_apps_scheme_without_a_dot_is_for_native_apps_alone(curfew):
    native = ("--application-type", "native", "--token-endpoint-auth-method", "none", "--redirect-uri", APP)

    added = curfew("client", "add", "--client-id", "app", *native, "--unwise-redirect-uris")

    assert "any other app on the device may claim it" in added.err
    curfew("client", "add", "--redirect-uri", APP, "--unwise-redirect-uris", code=1)
    curfew("client", "update", "app", "--application-type", "web", code=1)


@pytest.mark.parametrize("command", ["add", "update"])
def test_the_help_says_why_it_is_unwise(curfew, command):
    help_ = " ".join(curfew("client", command, "--help").out.split())

    assert "any app may claim it" in help_
    assert "anyone there can read it" in help_


def test_it_is_named_among_what_is_unwise_in_production(curfew):
    curfew("client", "add", *RED, "--unwise-redirect-uris")

    said = curfew("settings", "--problems", code=1).out

    assert f"the redirect URI {LAN} uses plain http" in said
