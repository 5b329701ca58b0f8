"""Every act says who did it and from where: commands by operator, host and terminal, requests by address."""

import os
import pwd
import socket

import pytest
from sqlalchemy import select

from provider.audit.models import AuditEvent
from provider.infrastructure import clock
from provider.infrastructure.database import db
from provider.logout.bulk.walk import carry_on
from provider.logout.models import BulkLogout, Logout
from tests.cli.conftest import Curfew
from tests.factories import make_account, make_client, make_session

PASSWORD = "a quiet evening at home"
HERE = f"{pwd.getpwuid(os.geteuid()).pw_name}@{socket.gethostname()}"


def entries(curfew: Curfew, **environ: str) -> list[dict]:
    return curfew("audit", "list", "--json", **environ).json


def sign_in(looking) -> None:
    with looking():
        make_session(make_account("ada"), [make_client("red"), make_client("green")])


def test_a_command_is_the_act_of_the_systems_user(curfew):
    curfew("user", "add", "ada", stdin=PASSWORD, SSH_CLIENT="203.0.113.5 4711 22")

    (entry,) = entries(curfew)
    assert (entry["actor"], entry["actor_name"]) == ("admin", HERE)
    assert entry["actor_origin"].startswith(HERE)
    assert entry["actor_origin"].endswith("ssh from 203.0.113.5")
    assert curfew("audit", "verify").out.endswith("as it was written.\n")


@pytest.mark.parametrize("by", ["option", "environment"])
def test_an_operator_can_say_who_they_are_and_the_system_user_still_stands_there(curfew, by):
    if by == "option":
        curfew("--as", "cleo", "user", "add", "ada", stdin=PASSWORD)
    else:
        curfew("user", "add", "ada", stdin=PASSWORD, CURFEW_AS="cleo")
    curfew("user", "update", "ada", "--claim", "nickname=Countess")

    (entry,) = curfew("audit", "list", "--by", "cleo", "--json").json
    assert (entry["tag"], entry["actor_name"]) == ("account_added", "cleo")
    assert HERE in entry["actor_origin"]
    assert "cleo" in curfew("audit", "list").out


@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 129])
def test_a_name_that_is_none_is_refused_in_one_line(curfew, name):
    output = curfew("--as", name, "user", "list", code=2)

    assert output.err.count("\n") <= 2
    assert "--as" in output.err


@pytest.mark.parametrize(
    "act",
    [
        ("session", "end", "--account", "ada", "--yes"),
        ("logout", "user", "ada", "--yes"),
        ("user", "disable", "ada"),
        ("user", "delete", "ada", "--yes"),
        ("logout", "everybody", "--yes"),
        ("logout", "client", "red", "--yes"),
        ("logout", "before", "now", "--yes"),
    ],
    ids=" ".join,
)
def test_every_logout_names_the_operator(curfew, looking, act):
    sign_in(looking)

    curfew("--as", "cleo", *(clock.now().isoformat() if one == "now" else one for one in act))

    with looking():
        logouts = db.session.scalars(select(Logout)).all()
        assert {(one.initiator, one.actor_name) for one in logouts} == {("admin", "cleo")}
        assert all(HERE in one.actor_origin for one in logouts)
        tagged = select(AuditEvent).where(AuditEvent.tag == "logout")
        assert {one.actor_name for one in db.session.scalars(tagged)} == {"cleo"}


def test_a_bulk_logout_that_another_process_carries_on_names_who_began_it(curfew, looking):
    sign_in(looking)
    curfew("--as", "cleo", "logout", "everybody", "--yes", "--no-wait")

    with looking():
        carry_on()
        (bulk,) = db.session.scalars(select(BulkLogout))
        (logout,) = db.session.scalars(select(Logout))
        assert (bulk.actor_name, logout.actor_name, logout.bulk_logout_id) == ("cleo", "cleo", bulk.id)
        assert logout.actor_origin == bulk.actor_origin
