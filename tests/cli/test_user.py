"""`curfew user`: people and their claims; what must end sessions ends them and tells the apps."""

import json
import re

import pytest
from sqlalchemy import select

from provider.accounts import queries
from provider.accounts.passwords import verify
from provider.audit.models import AuditEvent
from provider.delivery.models import Delivery
from provider.infrastructure.database import db
from provider.logout.models import Logout
from provider.sessions.models import Session
from tests.factories import make_client, make_session

PASSWORD = "a quiet evening at home"


def sign_in(looking):
    """Ada signs in at red, and at green with offline access."""
    with looking():
        clients = [make_client("red"), make_client("green")]
        make_session(queries.get_by_username("ada"), clients, offline=("green",))


def test_a_person_is_added_shown_and_listed(curfew, looking):
    made = curfew(
        "user", "add", "ada", "--claim", "name=Ada Lovelace", "--claim", "address.locality=London",
        "--claim", "email_verified=true", "--json", stdin=PASSWORD + "\n",
    ).json  # fmt: skip

    assert made["claims"]["address"] == {"locality": "London"}
    assert made["claims"]["email_verified"] is True
    assert curfew("user", "show", "ADA", "--json").json == made
    assert [one["username"] for one in curfew("user", "list", "--json").json] == ["ada"]
    assert "Ada Lovelace" in curfew("user", "list").out
    with looking():
        ada = queries.get_by_username("ada")
        assert verify(ada, PASSWORD)
        event = db.session.scalars(select(AuditEvent)).one()
        assert (event.tag, event.actor, event.account_id) == ("account_added", "admin", ada.id)
        assert "Lovelace" not in json.dumps(event.detail)


def test_times_are_printed_as_times(curfew):
    curfew("user", "add", "ada", "--no-password")

    for said in (curfew("user", "show", "ada").out, curfew("user", "list").out):
        assert re.search(r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\dZ", said)
        assert not re.search(r"\b1[0-9]{9}\b", said)


def test_a_person_may_be_renamed_and_stays_who_they_are(curfew, looking):
    made = curfew("user", "add", "ada", "--json", stdin=PASSWORD).json
    curfew("user", "add", "ben", "--no-password")
    sign_in(looking)

    assert curfew("user", "rename", "ada", "Ada.Lovelace").out == "Renamed to Ada.Lovelace.\n"

    renamed = curfew("user", "show", "ada.lovelace", "--json").json
    assert (renamed["id"], renamed["sub"]) == (made["id"], made["sub"])
    assert renamed["claims"]["preferred_username"] == "Ada.Lovelace"
    with looking():
        ada = queries.get_by_username("ADA.LOVELACE")
        assert verify(ada, PASSWORD)
        assert all(session.ended_at is None for session in db.session.scalars(select(Session)))
        event = db.session.scalars(select(AuditEvent).where(AuditEvent.tag == "account_updated")).one()
        assert event.detail == {"changed": ["username"]}
    # Another case of the same name is no other person's; the old name is free.
    curfew("user", "rename", "ada.lovelace", "ADA.lovelace")
    curfew("user", "add", "ada", "--no-password")


@pytest.mark.parametrize(
    ("name", "word"),
    [
        pytest.param("BEN", "taken", id="another person's, in other case"),
        pytest.param("ada", "already", id="the same"),
        pytest.param("a\x1bda", "control", id="an invisible character"),
    ],
)
def test_a_name_that_cannot_be_had_changes_nothing(curfew, looking, name, word):
    for person in ("ada", "ben"):
        curfew("user", "add", person, "--no-password")

    assert word in curfew("user", "rename", "ada", name, code=1).err

    with looking():
        assert queries.get_by_username("ada").username == "ada"
        assert not db.session.scalars(select(AuditEvent).where(AuditEvent.tag == "account_updated")).all()


def test_a_password_is_read_whole_and_never_shown(curfew, looking):
    curfew("user", "add", "ada", stdin=f"  {PASSWORD} \r\nsecond line")

    with looking():
        assert verify(queries.get_by_username("ada"), f"  {PASSWORD} ")
    assert PASSWORD not in curfew("user", "show", "ada").out
    assert "hash" not in curfew("user", "show", "ada", "--json").out


def test_claims_are_changed_one_by_one_and_taken_away(curfew, tmp_path):
    claims = tmp_path / "claims.json"
    claims.write_text(
        json.dumps({"name": "Ada", "nickname": "A", "address": {"locality": "London", "country": "UK"}})
    )
    curfew("user", "add", "ada", "--no-password", "--claims-json", claims)

    curfew(
        "user",
        "update",
        "ada",
        "--claim",
        "nickname=",
        "--claim",
        "address.country=",
        "--claim",
        "locale=en-GB",
    )

    shown = curfew("user", "show", "ada", "--json").json["claims"]
    assert shown["address"] == {"locality": "London"}
    assert (shown["name"], shown["locale"]) == ("Ada", "en-GB")
    assert "nickname" not in shown


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "word"),
    [
        pytest.param(("add", "ada"), "short\n", 1, "at least 8", id="a short password"),
        pytest.param(("add", "ada"), "", 2, "standard input", id="no password at all"),
        pytest.param(("add", "ada", "--claim", "salary=1"), PASSWORD, 1, "salary", id="no standard claim"),
        pytest.param(
            ("add", "ada", "--claim", "email_verified=maybe"), PASSWORD, 1, "true or false", id="no boolean"
        ),
        pytest.param(("add", "ada", "--claim", "name"), PASSWORD, 2, "NAME=VALUE", id="no value"),
        pytest.param(("add", "BEN"), PASSWORD, 1, "taken", id="a taken name"),
        pytest.param(("show", "ada"), "", 1, "no account", id="an unknown name"),
        pytest.param(("password", "ada"), PASSWORD, 1, "no account", id="the password of an unknown name"),
        pytest.param(("enable", "ben"), "", 1, "not disabled", id="enabled twice"),
    ],
)
def test_what_cannot_be_done_is_refused(curfew, arguments, stdin, code, word):
    curfew("user", "add", "ben", "--no-password")

    output = curfew("user", *arguments, stdin=stdin, code=code)

    assert word in output.err
    if code == 1:
        assert len(output.err.splitlines()) == 1
    assert len(curfew("user", "list", "--json").json) == 1


@pytest.mark.spec("design §3")
@pytest.mark.parametrize(
    ("arguments", "reason", "tag"),
    [
        (("disable", "ada"), "account_disabled", "account_disabled"),
        (("delete", "ada"), "account_deleted", "account_deleted"),
        (("password", "ada"), "password_reset", "password_reset"),
    ],
)
def test_an_admins_security_act_ends_everything_and_tells_every_app(curfew, looking, arguments, reason, tag):
    curfew("user", "add", "ada", stdin=PASSWORD)
    sign_in(looking)

    assert (
        "Ended 1 session(s) and 2 grant(s). 2 apps will be notified."
        in curfew("user", *arguments, stdin="another " + PASSWORD).out
    )

    with looking():
        assert db.session.scalars(select(Session)).one().ended_at is not None
        logout = db.session.scalars(select(Logout)).one()
        assert (logout.reason, logout.scope, logout.initiator) == (reason, "everywhere", "admin")
        assert [d.cause_id for d in db.session.scalars(select(Delivery))] == [logout.id] * 2
        assert {"logout", tag} <= {event.tag for event in db.session.scalars(select(AuditEvent))}


def test_a_disabled_person_may_be_enabled_again(curfew, looking):
    curfew("user", "add", "ada", stdin=PASSWORD)
    curfew("user", "disable", "ada")
    assert "already disabled" in curfew("user", "disable", "ada", code=1).err

    curfew("user", "enable", "ada")

    with looking():
        assert queries.get_by_username("ada").is_active


def test_a_refused_change_leaves_no_trace(curfew, looking):
    curfew("user", "add", "ada", "--no-password", "--claim", "name=Ada")

    curfew("user", "update", "ada", "--claim", "nickname=A", "--claim", "birthdate=soon", code=1)

    assert "nickname" not in curfew("user", "show", "ada", "--json").json["claims"]
    with looking():
        assert [event.tag for event in db.session.scalars(select(AuditEvent))] == ["account_added"]


def test_a_role_is_given_shown_and_taken(curfew):
    curfew("user", "add", "cleo", "--no-password")

    assert curfew("user", "role", "cleo", "administrator").out == "The role of cleo is administrator now.\n"
    assert curfew("user", "show", "cleo", "--json").json["role"] == "administrator"
    assert "administrator" in curfew("user", "list").out
    for command in (("role", "cleo", "none"), ("disable", "cleo"), ("delete", "cleo", "--yes")):
        assert "cleo is the last administrator" in curfew("user", *command, code=1).err
    assert curfew("user", "role", "cleo", "none", "--force", "--json").json["role"] is None
    assert "'root' is not one of" in curfew("user", "role", "cleo", "root", code=2).err


def test_a_reset_prints_a_link_and_voids_the_password(curfew):
    curfew("user", "add", "ada", "--no-password")

    body = curfew("user", "reset", "ada", "--json").json

    assert body["link"].startswith("http://localhost:8900/account/new-password/")
    assert (body["has_password"], body["sessions_ended"]) == (False, 0)
    assert "/account/new-password/" in curfew("user", "reset", "ada").out
