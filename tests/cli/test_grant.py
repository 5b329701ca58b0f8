"""`curfew grant`: what people have allowed apps, and taking it back as they could themselves."""

import pytest
from sqlalchemy import select

from provider.audit.models import AuditEvent
from provider.delivery.models import Delivery
from provider.infrastructure.database import db
from provider.sessions.queries import find_live
from tests.factories import make_account, make_client, make_session

UNKNOWN = "0199c0de-7a55-7c3e-8f00-1b2c3d4e5f60"


@pytest.fixture
def ada(looking):
    """Ada is signed in at red and green, and green may act while she is away; Ben is signed in at red."""
    with looking():
        red, green = make_client("red"), make_client("green")
        ada = make_session(make_account("ada"), [red, green], offline=("green",))
        make_session(make_account("ben"), [red])
        return ada


def listed(curfew, *filters) -> list[tuple[str, str]]:
    return sorted(
        (one["username"], one["client_id"]) for one in curfew("grant", "list", *filters, "--json").json
    )


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ((), [("ada", "green"), ("ada", "red"), ("ben", "red")]),
        (("--user", "ada"), [("ada", "green"), ("ada", "red")]),
        (("--client", "red"), [("ada", "red"), ("ben", "red")]),
        (("--offline",), [("ada", "green")]),
        (("--online", "--user", "ada"), [("ada", "red")]),
    ],
    ids=["all", "of a person", "of a client", "offline", "online of a person"],
)
def test_grants_are_listed(curfew, ada, filters, found):
    assert listed(curfew, *filters) == found
    assert "green" in curfew("grant", "list", "--offline").out


def test_a_dry_run_counts_and_revokes_nothing(curfew, ada):
    counts = curfew("grant", "revoke", "--user", "ada", "--dry-run", "--json").json

    assert counts == {
        "dry_run": True,
        "sessions": 0,
        "client_sessions": 2,
        "grants": 2,
        "apps_to_notify": 2,
    }
    assert len(listed(curfew)) == 3


def test_what_is_revoked_is_what_the_person_could_disconnect(curfew, ada, looking):
    output = curfew("--as", "cleo", "grant", "revoke", "--user", "ada", "--client", "green", "--yes")

    assert output.out.startswith("Revoked 1 grant. 1 app will be notified.")
    assert listed(curfew) == [("ada", "red"), ("ben", "red")]
    with looking():
        (entry,) = db.session.scalars(select(AuditEvent).where(AuditEvent.tag == "logout"))
        assert (entry.actor_name, entry.detail["reason"], entry.detail["scope"]) == ("cleo", "admin", "app")
        assert db.session.scalars(select(Delivery)).one().cause_id == entry.logout_id
        assert find_live(ada.handle) is not None
    (dead,) = [one for one in curfew("grant", "list", "--all", "--json").json if one["state"] == "revoked"]
    assert dead["logout_id"]


def test_a_grant_is_revoked_by_its_id_once(curfew, ada):
    grant_id = str(ada.grants["red"].id)

    body = curfew("grant", "revoke", grant_id, "--json").json

    assert (body["grants_revoked"], body["apps_to_notify"], body["notifications"]) == (1, 1, 1)
    assert "is already revoked" in curfew("grant", "revoke", grant_id, code=1).err


def test_of_a_client_with_many_people_each_grant_is_revoked(curfew, ada):
    body = curfew("grant", "revoke", "--client", "red", "--yes", "--json").json

    assert (body["grants_revoked"], body["apps_to_notify"], body["notifications"]) == (2, 1, 2)
    assert "2 notifications" not in curfew("grant", "list").out
    assert listed(curfew) == [("ada", "green")]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((), 2),
        (("--offline",), 2),
        ((UNKNOWN, "--user", "ada"), 2),
        ((UNKNOWN,), 1),
        (("--user", "nobody", "--yes"), 1),
        (("--user", "ada"), 2),
    ],
    ids=str,
)
def test_what_names_no_grants_is_refused_in_one_line(curfew, ada, arguments, code):
    output = curfew("grant", "revoke", *arguments, code=code)

    assert "Traceback" not in output.err
    assert len(listed(curfew)) == 3
