"""The credentials of a client that is added: its secrets and methods, and its registration's token."""

import json

import pytest

from provider.clients import queries, registration_token
from provider.clients.secrets import check_secret
from tests.cli.test_client import RED

BOTH, BASIC, POST = (
    ["client_secret_basic", "client_secret_post"],
    ["client_secret_basic"],
    ["client_secret_post"],
)
METHOD = "--token-endpoint-auth-method"


def test_a_secret_may_come_either_way_unless_the_operator_chooses_one(curfew):
    def methods():
        assert "client_secret_" in curfew("client", "show", "red").out
        return curfew("client", "show", "red", "--json").json["token_endpoint_auth_methods"]

    assert "client_secret_basic or client_secret_post" in curfew("client", "add", *RED).out
    assert methods() == BOTH
    curfew("client", "update", "red", "--client-name", "Red")
    assert methods() == BOTH
    curfew("client", "update", "red", METHOD, "client_secret_basic")
    assert methods() == BASIC
    curfew("client", "update", "red", "--client-name", "Scarlet")
    assert methods() == BASIC
    curfew("client", "update", "red", METHOD, "")
    assert methods() == BOTH
    document = json.dumps({"token_endpoint_auth_method": "client_secret_post"})
    curfew("client", "update", "red", "--metadata-json", "-", stdin=document)
    assert methods() == POST


@pytest.mark.parametrize(
    ("options", "methods"),
    [
        pytest.param((METHOD, "client_secret_basic"), BASIC, id="one that is also the default"),
        pytest.param((METHOD, "client_secret_post"), POST, id="the other one"),
        pytest.param((METHOD, "none"), ["none"], id="a public client"),
    ],
)
def test_a_chosen_method_stays_the_only_one(curfew, options, methods):
    made = curfew("client", "add", *RED, *options, "--json").json

    assert made["token_endpoint_auth_methods"] == methods


def test_a_secret_may_be_given_and_is_not_repeated(curfew, looking):
    output = curfew("client", "add", *RED, "--client-secret", "-", stdin="given-secret-of-red\n")

    assert "given-secret" not in output.out + output.err
    with looking():
        assert check_secret(queries.get_by_client_id("red"), "given-secret-of-red")


@pytest.mark.spec("KEY-19")
def test_a_secret_is_rotated_with_an_overlap(curfew, looking):
    old = curfew("client", "add", *RED, "--json").json["client_secret"]

    new = curfew("client", "rotate-secret", "red", "--overlap", "7d", "--json").json["client_secret"]

    with looking():
        red = queries.get_by_client_id("red")
        assert check_secret(red, old)
        assert check_secret(red, new)


def test_a_client_may_be_given_the_right_to_change_its_registration(curfew, looking):
    curfew("client", "add", *RED)

    given = curfew("client", "registration-token", "red", "--json").json
    assert given["registration_client_uri"].endswith("/register/red")
    with looking():
        red = queries.get_by_client_id("red")
        assert registration_token.is_of(red, given["registration_access_token"])
        assert not red.self_registered

    assert "shown only once" in curfew("client", "registration-token", "red").err
    curfew("client", "registration-token", "red", "--revoke")
    curfew("client", "registration-token", "red", "--revoke", code=1)
    with looking():
        assert queries.get_by_client_id("red").registration_token_digest is None
