"""`curfew logout list` and `show`: what happened in a logout, from the cause to each attempt."""

from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from provider.clients import queries as clients
from provider.delivery.models import Delivery, DeliveryAttempt, DeliveryState
from provider.infrastructure import clock
from provider.infrastructure.database import db, transaction
from provider.infrastructure.opaque_tokens import new_id
from provider.logout.end_session import end
from provider.logout.models import LogoutReason
from provider.logout.steps import Cause
from provider.sessions import queries as sessions
from tests.factories import make_account, make_client, make_session

NO_ADDRESS = {"backchannel_logout_uri": None}


@pytest.fixture
def signed_in(looking):
    """Ada is signed in at red, green (also while away) and mute; Ben at red."""
    with looking():
        red, green, mute = make_client("red"), make_client("green"), make_client("mute", **NO_ADDRESS)
        ada = make_session(make_account("ada"), [red, green, mute], offline=("green",))
        ben = make_session(make_account("ben"), [red])
        return str(ada.session.id), str(ben.session.id)


@pytest.fixture
def ended(curfew, signed_in):
    """Cleo has ended Ada's session."""
    return curfew("--as", "cleo", "session", "end", signed_in[0], "--json").json["logout_id"]


def answer(looking, client_id: str, state: str, outcome: str, status: int | None) -> None:
    """Have an attempt been made at a client."""
    with looking(), transaction():
        for delivery in db.session.scalars(select(Delivery)):
            if clients.find(delivery.recipient_id).client_id != client_id:
                continue
            delivery.state, delivery.last_outcome, delivery.last_status = state, outcome, status
            delivery.attempt_count += 1
            delivery.refusals = 0 if status == 200 else delivery.refusals + 1
            delivery.finished_at = None if state == DeliveryState.PENDING else clock.now()
            db.session.add(
                DeliveryAttempt(
                    id=new_id(),
                    delivery_id=delivery.id,
                    number=delivery.attempt_count,
                    started_at=clock.now(),
                    finished_at=clock.now(),
                    url=f"https://{client_id}.test/logout",
                    outcome=outcome,
                    status=status,
                    latency_ms=12,
                )
            )


def test_one_logout_is_shown_whole(curfew, ended, signed_in, looking):
    answer(looking, "red", DeliveryState.PENDING, "unavailable", 503)
    answer(looking, "red", DeliveryState.ACCEPTED, "accepted", 200)

    shown = curfew("logout", "show", ended, "--json").json

    assert (shown["reason"], shown["scope"], shown["username"]) == ("admin", "browser", "ada")
    assert (shown["initiator"], shown["by"]) == ("admin", "cleo")
    assert "@" in shown["from"]
    (session,) = shown["sessions"]
    assert (session["id"], session["ended"], session["device"]) == (signed_in[0], True, "Firefox on Linux")
    assert {one["client_id"] for one in shown["client_sessions"]} == {"red", "green", "mute"}
    assert {one["client_id"] for one in shown["revoked_grants"]} == {"red", "mute"}
    assert [(one["client_id"], one["offline"]) for one in shown["surviving_grants"]] == [("green", True)]
    states = {app["client_id"]: app["state"] for app in shown["apps"]}
    assert states == {"green": "to be notified", "mute": "not notified", "red": "notified"}
    red = shown["apps"][-1]["notifications"][0]["attempts"]
    assert [(one["number"], one["outcome"], one["status"]) for one in red] == [
        (1, "unavailable", 503),
        (2, "accepted", 200),
    ]


def test_people_read_the_same(curfew, ended, looking):
    for _ in range(2):
        answer(looking, "red", DeliveryState.PENDING, "misconfigured", 404)

    out = curfew("logout", "show", ended).out

    for word in ("cleo", "Firefox on Linux", "red", "refusing", "404", "to be notified", "not notified"):
        assert word in out


def test_what_survived_then_and_was_revoked_later_still_stands_as_survivor(curfew, ended):
    curfew("logout", "user", "ada", "--yes")

    shown = curfew("logout", "show", ended, "--json").json

    assert [one["client_id"] for one in shown["surviving_grants"]] == ["green"]


def test_an_unknown_logout_is_one_line_and_exit_code_1(curfew):
    unknown = uuid4()

    output = curfew("logout", "show", unknown, code=1)
    wrong = curfew("logout", "show", "x", code=2)

    assert output.err == f"curfew: there is no logout {unknown}\n"
    assert "Traceback" not in wrong.err


@pytest.mark.parametrize(
    ("filters", "people"),
    [
        ((), {"ada", "ben"}),
        (("--user", "ada"), {"ada"}),
        (("--client", "green"), {"ada"}),
        (("--client", "red"), {"ada", "ben"}),
        (("--by", "cleo"), {"ada"}),
        (("--since", "1h"), {"ada", "ben"}),
        (("--since", "2099-01-01T00:00Z"), set()),
    ],
    ids=["all", "of a person", "of one client", "of another", "by an operator", "since", "in the future"],
)
def test_logouts_are_listed(curfew, ended, signed_in, looking, filters, people):
    with looking(), transaction():
        end(
            sessions.find(UUID(signed_in[1])),
            Cause(reason=LogoutReason.USER, initiator="account", ip="192.0.2.7"),
        )

    listed = curfew("logout", "list", *filters, "--json").json

    assert {one["username"] for one in listed} == people
    by_person = {one["username"]: one for one in listed}
    if "ben" in people:
        assert (by_person["ben"]["by"], by_person["ben"]["from"]) == ("ben", "192.0.2.7")
        assert by_person["ben"]["notification_states"] == {"to be notified": 1}


def test_nothing_has_happened_yet(curfew):
    assert curfew("logout", "list").out == "No logouts.\n"


def test_the_apps_of_a_session_are_listed_with_it(curfew, ended, signed_in):
    living = curfew("session", "list", "--json").json
    everything = {one["id"]: one["apps"] for one in curfew("session", "list", "--all", "--json").json}

    assert [one["apps"] for one in living] == [["red"]]
    assert everything == {signed_in[0]: ["green", "mute", "red"], signed_in[1]: ["red"]}
    assert "green, mute, red" in curfew("session", "list", "--all").out
