"""Acts at the console: what they change, in whose name they are recorded, and what they refuse."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from provider.accounts.models import Account
from provider.accounts.roles import Role
from provider.audit.models import AuditEvent
from provider.audit.tags import EventTag
from provider.delivery.models import Delivery
from provider.infrastructure.database import db, transaction
from provider.inspection.why_not_notified import Verdict
from provider.logout.end_session import end
from provider.logout.models import Logout, LogoutReason
from provider.logout.steps import Cause
from provider.sessions.models import Session
from tests.console.conftest import give_role, sign_in
from tests.factories import make_account, make_client, make_session
from tests.support.browsers import Page, follow

# What is asked of the database is the same on each; the console has to work on the one of production.
pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.fixture
def signed_in(ada, red, green):
    """Ada, signed in at red and green; red has an offline grant."""
    return make_session(ada, [red, green], offline=("red",))


@pytest.fixture
def logged_out(signed_in):
    """The logout of Ada's session, and what red is owed."""
    with transaction():
        outcome = end(signed_in.session, Cause(reason=LogoutReason.USER, initiator="account"))
    return outcome.logout


def owed_to(client) -> Delivery:
    db.session.expire_all()
    return db.session.scalars(select(Delivery).where(Delivery.recipient_id == client.id)).one()


def entry(tag: EventTag) -> AuditEvent:
    newest = select(AuditEvent).where(AuditEvent.tag == tag).order_by(AuditEvent.id.desc())
    return db.session.scalars(newest.limit(1)).one()


def test_an_operator_ends_one_session_after_seeing_what_it_ends(console, ada, signed_in):
    asked = Page(console, console.get(f"/admin/people/{ada.id}/sessions?session={signed_in.session.id}"))
    assert "Red" in asked.html
    assert "will be notified" in asked.html

    done = asked.press("end")

    assert done.headers["Location"].endswith(f"/admin/people/{ada.id}?done=sessions")
    logout = db.session.scalars(select(Logout)).one()
    assert (logout.reason, logout.actor_name) == (LogoutReason.ADMIN, "cleo")
    assert logout.actor_origin.startswith("console")
    assert asked.press("end").headers["Location"].endswith("done=nothing")


def test_a_session_of_another_person_is_unknown_there(console, ada, ben, signed_in):
    asked = console.get(f"/admin/people/{ben.id}/sessions?session={signed_in.session.id}")

    assert asked.status_code == 404


def test_signing_out_everywhere_ends_offline_grants_too(console, ada, signed_in):
    Page(console, console.get(f"/admin/people/{ada.id}/everywhere")).press("end")

    db.session.expire_all()
    assert signed_in.grants["red"].revoked_at is not None
    assert "Signed out" not in console.get(f"/admin/people/{ada.id}").get_data(as_text=True)


def test_a_grant_is_revoked_by_itself(console, ada, signed_in):
    grant = signed_in.grants["red"]

    Page(console, console.get(f"/admin/people/{ada.id}/grants/{grant.id}")).press("revoke")

    db.session.expire_all()
    assert grant.revoked_at is not None
    assert signed_in.session.ended_at is None


def test_a_disabled_account_can_be_enabled_again(console, ada, signed_in):
    address = f"/admin/people/{ada.id}/access"

    Page(console, console.get(address)).press("change")
    db.session.expire_all()
    assert ada.disabled_at is not None
    Page(console, console.get(address)).press("change")

    db.session.expire_all()
    assert ada.disabled_at is None
    assert entry(EventTag.ACCOUNT_ENABLED).actor_name == "cleo"


def test_the_last_administrator_cannot_disable_herself(console, cleo):
    refused = Page(console, console.get(f"/admin/people/{cleo.id}/access")).press("change")

    db.session.expire_all()
    assert refused.status_code == 409
    assert cleo.disabled_at is None


def test_a_person_is_deleted_once_the_name_is_typed(console, cleo, ada, signed_in):
    form = Page(console, console.get(f"/admin/people/{ada.id}/access"))

    assert form.press("delete", typed="ad").status_code == 400
    done = form.press("delete", typed="ada")

    db.session.expire_all()
    assert (ada.deleted_at is not None, signed_in.session.ended_at is not None) == (True, True)
    assert "The account is deleted" in console.get(done.headers["Location"]).get_data(as_text=True)
    assert entry(EventTag.ACCOUNT_DELETED).actor_name == "cleo"
    own = Page(console, console.get(f"/admin/people/{cleo.id}/access"))
    assert own.press("delete", typed="cleo").status_code == 409


def test_a_role_is_given_by_an_administrator_and_holds_on_the_next_request(console, ada, browser):
    http = browser()
    assert sign_in(http, "ada").status_code == 403

    Page(console, console.get(f"/admin/people/{ada.id}/role")).press("change", role="viewer")

    assert follow(http, http.get("/admin")).status_code == 200
    assert entry(EventTag.ROLE_CHANGED).detail == {"before": "none", "after": "viewer"}


def test_the_last_administrator_keeps_the_role(console, cleo):
    form = Page(console, console.get(f"/admin/people/{cleo.id}/role"))

    assert form.press("change", role="none").status_code == 409
    assert form.press("change", role="emperor").status_code == 400


def test_a_reset_shows_its_link_once_and_keeps_no_password(console, ada, signed_in):
    done = Page(console, console.get(f"/admin/people/{ada.id}/password")).press("reset")
    link = Page(console, done).html.split('readonly value="')[1].split('"')[0]

    db.session.expire_all()
    assert ada.password_hash is None
    assert signed_in.session.ended_at is not None
    assert console.get(link).status_code == 200
    assert link not in console.get(f"/admin/people/{ada.id}/password").get_data(as_text=True)


def test_an_operator_does_not_change_an_administrator(enter, cleo):
    dora = make_account("dora")
    give_role(dora, Role.ADMINISTRATOR)
    console = enter(Role.OPERATOR)
    person = console.get(f"/admin/people/{dora.id}").get_data(as_text=True)

    refused = Page(console, console.get(f"/admin/people/{dora.id}/password")).press("reset")

    # What would be refused is not offered, and the page says why.
    assert 'id="above"' in person
    assert 'id="reset"' not in person
    assert 'id="access"' not in person
    assert 'id="everywhere"' in person

    db.session.expire_all()
    assert refused.status_code == 403
    assert db.session.get_one(Account, dora.id).password_hash is not None


def test_a_form_that_was_open_when_the_role_was_withdrawn_changes_nothing(console, cleo, ada, signed_in):
    asked = Page(console, console.get(f"/admin/people/{ada.id}/everywhere"))
    give_role(cleo, Role.VIEWER)

    assert asked.press("end").status_code == 403
    assert db.session.scalars(select(Logout)).all() == []


def test_a_delivery_is_cancelled_with_a_reason_and_sent_again(console, red, logged_out):
    address = f"/admin/deliveries/{owed_to(red).id}"

    without = Page(console, console.get(address)).press("cancel", reason="  ")
    assert (without.status_code, owed_to(red).state) == (400, "pending")
    Page(console, console.get(address)).press("cancel", reason="the app was shut down")
    assert (owed_to(red).state, owed_to(red).cancel_reason) == ("cancelled", "the app was shut down")
    Page(console, console.get(address)).press("resend")

    assert owed_to(red).state == "pending"
    assert entry(EventTag.DELIVERY_RESENT).actor_name == "cleo"


@pytest.mark.usefixtures("logged_out")
def test_many_are_sent_again_after_they_are_counted(console, red, green):
    with transaction():
        for one in db.session.scalars(select(Delivery)):
            one.state, one.finished_at = "expired", one.created_at
    counted = Page(console, console.get("/admin/deliveries/resend?client=red"))
    assert "1 delivery" in counted.html

    done = counted.press("resend")

    assert "done=1" in done.headers["Location"]
    assert (owed_to(red).state, owed_to(green).state) == ("pending", "expired")


@pytest.mark.parametrize("asked", ["", "?client=nobody", "?since=yesterday", "?states=accepted&client=red"])
@pytest.mark.usefixtures("logged_out")
def test_what_is_not_bounded_or_not_understood_is_not_sent(console, red, asked):
    shown = Page(console, console.get(f"/admin/deliveries/resend{asked}"))

    assert "resend" not in shown.buttons
    due = owed_to(red).next_attempt_at
    assert console.post(f"/admin/deliveries/resend{asked}", data=shown.fields).status_code in (400, 403)
    assert owed_to(red).next_attempt_at == due


class TestWhy:
    def verdict(self, console, client: str, session: object) -> str:
        db.session.expire_all()
        shown = console.get("/admin/why", query_string={"client": client, "session": str(session)})
        html = shown.get_data(as_text=True)
        return html.split('data-verdict="')[1].split('"')[0] if "data-verdict" in html else ""

    def end(self, made, reason: LogoutReason = LogoutReason.USER) -> None:
        with transaction():
            end(made.session, Cause(reason=reason, initiator="account"))

    @pytest.mark.parametrize(
        ("state", "verdict"),
        [
            ("accepted", Verdict.ACCEPTED),
            ("pending", Verdict.WAITING),
            ("refusing", Verdict.REFUSING),
            ("expired", Verdict.EXPIRED),
            ("cancelled", Verdict.CANCELLED),
            ("superseded", Verdict.SUPERSEDED),
        ],
    )
    def test_by_its_delivery(self, console, red, logged_out, state, verdict):
        delivery = owed_to(red)
        with transaction():
            found = db.session.get_one(Delivery, delivery.id)
            if state == "refusing":
                found.refusals, found.last_outcome = 2, "bad_request"
            else:
                found.state = state

        session = db.session.scalars(select(Session).where(Session.logout_id == logged_out.id)).one()
        assert self.verdict(console, "red", session.id) == verdict

    def test_while_the_session_lives(self, console, signed_in):
        assert self.verdict(console, "red", signed_in.session.id) == Verdict.LIVE
        assert self.verdict(console, "red", signed_in.client_sessions["red"].sid) == Verdict.LIVE

    def test_of_an_app_that_was_no_part_of_it(self, console, signed_in):
        make_client("blue")

        assert self.verdict(console, "blue", signed_in.session.id) == Verdict.NOT_PART

    def test_of_an_app_without_an_address(self, console, ada):
        made = make_session(ada, [make_client("plain", backchannel_logout_uri=None)])
        self.end(made)

        assert self.verdict(console, "plain", made.session.id) == Verdict.NO_ADDRESS

    def test_of_an_app_that_is_not_notified_of_expiry(self, console, ada):
        made = make_session(ada, [make_client("calm", settings={"told_of_expiry": False})])
        self.end(made, LogoutReason.IDLE_TIMEOUT)

        assert self.verdict(console, "calm", made.session.id) == Verdict.NOT_NOTIFIED_OF_EXPIRY

    def test_once_the_record_is_deleted(self, console, red, signed_in, settings):
        self.end(signed_in)
        with transaction():
            db.session.delete(owed_to(red))
            db.session.scalars(select(Logout)).one().at -= settings.delivery_retention + timedelta(days=1)

        assert self.verdict(console, "red", signed_in.session.id) == Verdict.PRUNED

    @pytest.mark.parametrize("session", ["", "nothing", "0199c0de-7a55-7c3e-8f00-1b2c3d4e5f60"])
    @pytest.mark.usefixtures("red")
    def test_of_nothing_that_is_known(self, console, session):
        assert self.verdict(console, "red", session) == ""


def test_a_list_goes_on_where_a_page_ended_and_keeps_its_filters(console, ada, red, monkeypatch):
    monkeypatch.setattr("provider.console.logouts.ROWS", 2)
    for _ in range(3):
        made = make_session(ada, [red])
        with transaction():
            end(made.session, Cause(reason=LogoutReason.USER, initiator="account"))

    first = console.get("/admin/logouts?user=ada").get_data(as_text=True)
    next_url = first.split('id="next-page" href="')[1].split('"')[0].replace("&amp;", "&")
    second = console.get(next_url).get_data(as_text=True)

    assert "user=ada" in next_url
    assert first.count('scope="row"') == 2
    assert second.count('scope="row"') == 1
