"""A back-channel address of plain http: registered where the operator allows it, with a warning."""

import json
from dataclasses import replace

import pytest

from tests.support.applications import opened
from tests.support.registering import Registrant

RED = ("--client-id", "red", "--redirect-uri", "https://red.test/cb", "--backchannel-logout-uri")
PLAIN = "http://red.invalid/told"
WARNED = "curfew: warning: backchannel_logout_uri uses plain http"


@pytest.fixture
def database_url(own_sqlite):
    """Nothing here depends on the kind of database."""
    return own_sqlite


@pytest.mark.parametrize(
    ("uri", "warns"),
    [
        pytest.param(PLAIN, True, id="plain http to another machine"),
        pytest.param("https://red.invalid/told", False, id="https"),
        pytest.param("http://127.0.0.1:8901/told", False, id="this machine"),
        pytest.param("http://localhost:8901/told", False, id="this machine by its name"),
    ],
)
def test_the_command_warns_and_does_it(curfew, uri, warns):
    allow = {"CURFEW_OUTBOUND_ALLOW": "red.invalid,127.0.0.0/8,localhost"}
    added = curfew("client", "add", *RED, uri, "--json", **allow)
    changed = curfew("client", "update", "red", "--client-name", "Red", "--json", **allow)

    assert added.json["backchannel_logout_uri"] == uri
    assert [WARNED in output.err for output in (added, changed)] == [warns, warns]


def test_the_doctor_warns_even_when_the_endpoint_cannot_be_reached(curfew):
    allow = {"CURFEW_OUTBOUND_ALLOW": "red.invalid"}
    curfew("client", "add", *RED, PLAIN, **allow)

    findings = curfew("doctor", "red", "--json", code=1, **allow).json["findings"]

    [registration] = [one for one in findings if one["check"] == "registration"]
    assert registration["grade"] == "warn"
    assert "plain http" in registration["saw"]


def test_a_self_registration_is_logged_as_a_warning(settings, capsys):
    settings = replace(settings, registration="open", outbound_allow=("red.invalid",))
    with opened(settings) as app:
        client = Registrant(app.test_client(use_cookies=False))
        secure = client.registered(backchannel_logout_uri="https://red.invalid/told")
        plain = client.registered(backchannel_logout_uri=PLAIN)
        assert client.replace(secure, backchannel_logout_uri=PLAIN).status_code == 200

    logged = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    warned = [one for one in logged if one["event"] == "backchannel_logout_uri_is_plain_http"]
    assert [one["level"] for one in warned] == ["warning"] * 2
    assert [one["client_id"] for one in warned] == [plain["client_id"], secure["client_id"]]
