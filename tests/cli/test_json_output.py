"""Commands that change something can print JSON too."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from provider.clients import queries
from provider.delivery.models import Delivery, DeliveryState
from provider.infrastructure.database import db, transaction
from tests.factories import make_account, make_client, make_session

PASSWORD = "another battery, another staple"


@pytest.fixture
def database_url(own_sqlite):
    """Nothing here depends on the kind of database."""
    return own_sqlite


@pytest.fixture
def signed_in(looking):
    """Ada is signed in at red."""
    with looking():
        return str(make_session(make_account("ada"), [make_client("red")]).session.id)


def test_a_removed_client_is_reported(curfew, signed_in):
    body = curfew("client", "remove", "red", "--yes", "--json").json

    assert body["client_id"] == "red"
    assert datetime.fromisoformat(body["deleted_at"]) <= datetime.now(UTC)


@pytest.mark.parametrize(
    "arguments", [("disable", "ada"), ("password", "ada"), ("delete", "ada", "--yes")], ids=lambda a: a[0]
)
def test_what_ends_everything_of_a_person_says_what_ended(curfew, signed_in, arguments):
    body = curfew("user", *arguments, "--json", stdin=PASSWORD).json

    assert (body["sessions_ended"], body["grants_revoked"], body["apps_to_notify"]) == (1, 1, 1)
    assert body["logout_id"]
    assert body.get("enabled") is {"disable": False, "password": True, "delete": None}[arguments[0]]
    assert ("deleted_at" in body) is (arguments[0] == "delete")


def test_a_person_who_is_enabled_is_shown(curfew, signed_in):
    curfew("user", "disable", "ada")

    assert curfew("user", "enable", "ada", "--json").json["enabled"] is True


def test_a_delivery_that_is_done_has_no_next_attempt(curfew, signed_in, looking):
    curfew("session", "end", signed_in)
    delivery_id = curfew("delivery", "list", "--json").json[0]["id"]
    assert curfew("delivery", "show", delivery_id, "--json").json["next_attempt_at"]

    with looking(), transaction():
        db.session.scalars(select(Delivery)).one().state = DeliveryState.ACCEPTED

    assert "next_attempt_at" not in curfew("delivery", "show", delivery_id, "--json").json
    assert "next_attempt_at" not in curfew("delivery", "list", "--json").json[0]
    assert "next_attempt_at" not in curfew("delivery", "show", delivery_id).out


def test_what_is_sent_again_is_counted(curfew, signed_in, looking):
    curfew("session", "end", signed_in)
    delivery_id = curfew("delivery", "list", "--json").json[0]["id"]
    for arguments, body in (
        (
            (delivery_id,),
            {
                "due_now": 1,
                "deliveries": [{"id": delivery_id, "client_id": "red", "due_now": True, "problem": None}],
            },
        ),
        (("--client", "red"), {"due_now": 1}),
        (("--client", "red"), {"due_now": 0}),
    ):
        state = DeliveryState.EXPIRED if body["due_now"] else DeliveryState.ACCEPTED
        with looking(), transaction():
            db.session.scalars(select(Delivery)).one().state = state
        assert curfew("delivery", "retry", *arguments, "--json").json == body


@pytest.mark.spec("KEY-19")
def test_a_client_shows_which_of_two_secrets_is_used(curfew, looking):
    made = curfew(
        "client", "add", "--client-id", "red", "--redirect-uri", "https://red.test/cb", "--json"
    ).json
    curfew("client", "rotate-secret", "red", "--overlap", "7d")
    with looking() as app:
        auth = ("red", made["client_secret"])
        assert app.test_client().post("/introspect", data={"token": "x"}, auth=auth).status_code == 200
        assert queries.get_by_client_id("red").previous_secret_last_used_at

    shown = curfew("client", "show", "red", "--json").json

    assert shown["previous_secret_last_used_at"]
    assert shown["previous_secret_expires_at"]
    assert shown["secret_last_used_at"] is None
    assert shown["self_registered"] is False
