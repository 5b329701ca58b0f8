"""`curfew keys`, as an operator calls it."""

import json

import pytest
from click.testing import CliRunner

from provider.audit.queries import list_events
from provider.cli import main
from provider.clients import resources
from provider.clients.models import TokenFormat
from provider.infrastructure.database import transaction
from provider.keys.jwks import published_jwks
from tests.factories import make_client


@pytest.fixture
def curfew(app, settings, monkeypatch):
    """Calls the command in this process, on the test's database."""
    monkeypatch.setenv("CURFEW_DATABASE_URL", settings.database_url)
    monkeypatch.setenv("CURFEW_SECRET_KEY", settings.secret_key)
    monkeypatch.setenv("CURFEW_DATA_DIR", str(settings.data_dir))

    def call(*arguments, expect=0):
        result = CliRunner().invoke(main, [*arguments], catch_exceptions=False)
        assert result.exit_code == expect, result.output
        return json.loads(result.stdout) if "--json" in arguments else result.output

    return call


def states(curfew):
    return sorted((row["alg"], row["state"]) for row in curfew("keys", "list", "--all", "--json"))


def test_a_rotation_is_shown_and_audited(curfew):
    curfew("keys", "rotate", "--now")
    changes = curfew("keys", "rotate", "--alg", "ES256", "--json")["changes"]

    assert [(change["event"], change["alg"]) for change in changes] == [("key_created", "ES256")]
    assert states(curfew) == [
        ("ES256", "active"),
        ("ES256", "next"),
        ("EdDSA", "active"),
        ("PS256", "active"),
        ("RS256", "active"),
    ]
    newest = list_events(limit=1)[0]
    assert (newest.tag, newest.actor, newest.detail["kid"]) == ("key_created", "admin", changes[0]["kid"])


def test_rotating_again_says_when_the_waiting_key_signs(curfew):
    curfew("keys", "rotate", "--now")
    curfew("keys", "rotate", "--alg", "ES256")

    again = curfew("keys", "rotate", "--alg", "ES256")

    assert "is made" not in again
    assert "signs from" in again


def test_a_compromised_key_leaves_the_jwks(curfew):
    curfew("keys", "rotate", "--now")
    stolen = curfew("keys", "list", "--json")[0]["kid"]

    changed = curfew("keys", "compromise", stolen, "--json")

    assert [change["event"] for change in changed["changes"]] == [
        "key_compromised",
        "key_created",
        "key_activated",
    ]
    assert stolen not in {jwk["kid"] for jwk in published_jwks()["keys"]}
    assert "key_compromised" in {event.tag for event in list_events()}
    assert "already withdrawn" in curfew("keys", "compromise", stolen)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_compromise_names_all_who_believed_the_key(curfew):
    curfew("keys", "rotate", "--now")
    make_client("red", id_token_signed_response_alg="EdDSA")
    make_client("green", id_token_signed_response_alg="EdDSA", introspection_signed_response_alg="ES256")
    make_client("blue", id_token_signed_response_alg="EdDSA", access_token_format="jwt")
    make_client("grey", id_token_signed_response_alg="EdDSA", authorization_signed_response_alg="PS256")
    with transaction():
        resources.add(
            "https://api.test/", access_token_format=TokenFormat.JWT, access_token_signing_alg="ES256"
        )
        resources.add("https://files.test/", access_token_format=TokenFormat.JWT)
        resources.add("https://opaque.test/")
    kids = {row["alg"]: row["kid"] for row in curfew("keys", "list", "--json")}

    def affected(alg):
        changed = curfew("keys", "compromise", kids[alg], "--json")
        return changed["affected_clients"], changed["affected_resources"]

    assert affected("ES256") == (["green"], ["https://api.test/"])
    assert affected("RS256") == (["blue"], ["https://files.test/"])
    assert affected("PS256") == (["grey"], [])
    assert "https://api.test/" in curfew("keys", "compromise", kids["ES256"])


@pytest.mark.parametrize("kid", ["nobody", "-starts-with-a-hyphen"])
def test_an_unknown_kid_is_one_line_and_exit_1(curfew, kid):
    assert curfew("keys", "compromise", kid, expect=1) == f"curfew: no signing key has the kid {kid}\n"


def test_no_response_holds_a_private_part(curfew):
    curfew("keys", "rotate", "--now")

    assert "private" not in json.dumps(curfew("keys", "list", "--json"))
