"""Lists at the console: acting on the chosen rows, and keeping what the filters find as a file."""

import csv
import io
import json

import pytest
from sqlalchemy import select

from provider.accounts.roles import Role
from provider.administration import accounts
from provider.audit.models import AuditEvent
from provider.audit.tags import EventTag
from provider.console import logouts
from provider.console.export import cell
from provider.delivery.models import Delivery
from provider.infrastructure.acting import Operator, acting_as
from provider.infrastructure.database import db, transaction
from provider.logout.end_session import end
from provider.logout.models import LogoutReason
from provider.logout.steps import Cause
from provider.sessions.models import Session
from tests.factories import make_session
from tests.support.browsers import Page

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.fixture
def owed(ada, red, green) -> list[Delivery]:
    """Return the deliveries owed to red and green since Ada was signed out."""
    made = make_session(ada, [red, green])
    with transaction():
        end(made.session, Cause(reason=LogoutReason.USER, initiator="account"))
    return list(db.session.scalars(select(Delivery).order_by(Delivery.id)))


def states() -> list[str]:
    db.session.expire_all()
    return [one.state for one in db.session.scalars(select(Delivery).order_by(Delivery.id))]


def table(response) -> list[dict[str, str]]:
    assert (response.status_code, response.mimetype) == (200, "text/csv")
    return list(csv.DictReader(io.StringIO(response.get_data(as_text=True))))


class Chooser:
    """Cleo, who chooses deliveries in the list."""

    def __init__(self, console, address: str = "/admin/deliveries?state=pending") -> None:
        self.console = console
        self.page = Page(console, console.get(address))

    def press(self, do: str, chosen: list[Delivery], **typed: str):
        token = self.page.fields["csrf"]
        data = {"csrf": token, "do": do, "delivery": [str(one.id) for one in chosen], "state": "pending"}
        return self.console.post("/admin/deliveries", data=data | typed)


def test_the_chosen_deliveries_are_cancelled_with_a_reason_and_sent_again(console, owed):
    chooser = Chooser(console)
    assert chooser.page.html.count('name="delivery"') == 2

    assert "done=no_reason" in chooser.press("cancel", owed).headers["Location"]
    without = chooser.press("resend", []).headers["Location"]
    assert "choose deliveries first" in console.get(without).get_data(as_text=True)
    assert states() == ["pending", "pending"]
    done = chooser.press("cancel", owed, reason="the app was shut down")
    assert states() == ["cancelled", "cancelled"]
    assert "2 deliveries cancelled" in console.get(done.headers["Location"]).get_data(as_text=True)
    assert "state=pending" in done.headers["Location"]
    chooser.press("resend", owed[:1])

    assert states() == ["pending", "cancelled"]
    resent = db.session.scalars(select(AuditEvent).where(AuditEvent.tag == EventTag.DELIVERY_RESENT)).one()
    assert (resent.actor_name, resent.detail["delivery_id"]) == ("cleo", str(owed[0].id))
    assert chooser.press("resend", owed[:1], delivery="nothing").status_code == 404


def test_a_viewer_has_no_rows_to_choose(enter, owed, ada, red):
    make_session(ada, [red])
    console = enter(Role.VIEWER)

    for address in ("/admin/deliveries", "/admin/sessions"):
        assert 'type="checkbox"' not in console.get(address).get_data(as_text=True)


def test_sessions_of_several_people_are_ended_after_a_look(console, ada, ben, red):
    made = [make_session(one, [red]).session for one in (ada, ben)]
    listed = console.get("/admin/sessions?client=red").get_data(as_text=True)
    assert all(str(one.id) in listed for one in made)
    address = "/admin/sessions/end?" + "&".join(f"session={one.id}" for one in made)
    asked = Page(console, console.get(address))
    assert "End 2 sessions?" in asked.html

    token = asked.fields["csrf"]
    done = console.post("/admin/sessions/end", data={"csrf": token, "session": [str(one.id) for one in made]})

    assert done.headers["Location"].endswith("count=2")
    db.session.expire_all()
    ended = console.get("/admin/sessions?ended=yes&user=ben").get_data(as_text=True)
    assert "an operator ended it, by <bdi>cleo</bdi>" in ended
    assert console.get("/admin/sessions/end?session=nothing").status_code == 404


@pytest.mark.parametrize(
    "filters", ["user=nobody", "client=nothing", "client=red&ended=yes", "client=red&user=ada"]
)
def test_a_filter_that_finds_nothing_says_why(console, ada, red, filters):
    shown = console.get(f"/admin/sessions?{filters}")

    assert shown.status_code == 200
    assert 'class="notice bad"' in shown.get_data(as_text=True)


def test_lists_are_kept_as_tables(console, owed, ada):
    [first, second] = table(console.get("/admin/deliveries/export"))
    assert {first["client_id"], second["client_id"]} == {"red", "green"}
    assert (first["state"], first["logout_id"]) == ("pending", str(owed[0].cause_id))
    assert table(console.get("/admin/deliveries/export?state=accepted")) == []

    sessions = table(console.get("/admin/sessions/export?ended=yes&user=ada"))
    assert [(one["username"], one["reason"], one["apps"]) for one in sessions] == [
        ("ada", "user", "green red")
    ]

    [logout] = table(console.get("/admin/logouts/export?user=ada&reason=user"))
    assert (logout["username"], logout["scope"], logout["notifications"]) == ("ada", "browser", "2")
    assert (logout["id"], logout["notification_states"]) == (first["logout_id"], "2 to be notified")
    for filters in ("reason=admin", "user=no-one"):
        assert table(console.get(f"/admin/logouts/export?{filters}")) == []

    entries = table(console.get(f"/admin/audit/export?format=csv&tag=logout&user={ada.id}"))
    assert json.loads(entries[0]["detail"])["reason"] == "user"


def test_a_cell_that_would_be_a_formula_is_text(console, ada, red):
    made = make_session(ada, [red])
    with transaction():
        db.session.get_one(Session, made.session.id).device = '=HYPERLINK("https://evil.test","x")'

    [row] = [one for one in table(console.get("/admin/sessions/export")) if one["username"] == "ada"]
    assert row["device"].startswith("'=HYPERLINK")
    for text in ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"):
        assert not cell(text).startswith(tuple("=+-@\t\r"))


def test_an_export_of_logouts_is_bounded_and_computes_nothing(console, ada, monkeypatch):
    with acting_as(Operator('=cmd|"/c calc"!A1', "@SUM(A1)")):
        for _ in range(3):
            made = make_session(ada)
            with transaction():
                end(made.session, Cause(reason=LogoutReason.ADMIN, initiator="admin"))
    monkeypatch.setattr(logouts, "MOST_EXPORTED", 2)
    monkeypatch.setattr(logouts, "_BATCH", 1)

    rows = table(console.get("/admin/logouts/export"))

    assert len(rows) == 2
    assert rows[0]["at"] > rows[1]["at"]
    assert {(one["actor_name"][:2], one["actor_origin"][:2]) for one in rows} == {("'=", "'@")}


def test_a_person_is_found_by_an_email_address_once(console):
    with transaction():
        accounts.add("zoe@example.test", None, {"email": "zoe@example.test"})
        accounts.add("zoe-too", None, {"email": "ZOE@example.test"})

    html = console.get("/admin/people?q=Zoe@example.test").get_data(as_text=True)

    assert [html.count(f"<bdi>{name}</bdi>") for name in ("zoe@example.test", "zoe-too")] == [1, 1]
