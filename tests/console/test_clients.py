"""Clients at the console: registering, changing, secrets, and what a page never shows twice."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from provider.administration import clients as acts
from provider.audit.models import AuditEvent
from provider.audit.tags import EventTag
from provider.clients.models import Client
from provider.clients.queries import find_by_client_id
from provider.clients.secrets import check_secret
from provider.delivery.models import EndpointHealth
from provider.infrastructure import clock
from provider.infrastructure.database import db, transaction
from provider.inspection.client_lint import lint
from provider.inspection.findings import Grade
from provider.logout.end_session import end
from provider.logout.models import LogoutReason
from provider.logout.notice import BACKCHANNEL_LOGOUT
from provider.logout.steps import Cause
from tests.factories import make_client, make_session, secret_of
from tests.support.browsers import Page

# What is asked of the database is the same on each; the console has to work on the one of production.
pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.fixture
def red_page(red) -> str:
    return f"/admin/clients/{red.id}"


def now(client_id: str) -> Client | None:
    db.session.expire_all()
    return find_by_client_id(client_id)


def shown(html: str, field: str) -> str:
    return re.search(rf'id="{field}"[^>]* value="([^"]*)"', html)[1]


def test_a_client_is_registered_by_its_kind_and_its_secret_shown_once(console):
    form = Page(console, console.get("/admin/clients/new?for=flask"))
    made = form.press("register", base_url="https://shop.test", client_id="shop", client_name="Shop")
    html = made.get_data(as_text=True)

    shop = now("shop")
    assert shop.recipe == "flask"
    assert shop.metadata_.redirect_uris == ("https://shop.test/callback",)
    assert shop.metadata_.backchannel_logout_uri == "https://shop.test/backchannel-logout"
    assert check_secret(shop, shown(html, "client_secret"))
    assert "CURFEW_CLIENT_SECRET" in html
    again = console.get(f"/admin/clients/{shop.id}").get_data(as_text=True)
    assert shown(html, "client_secret") not in again


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"base_url": "not a url", "client_id": "shop"}, "base-url"),
        ({"base_url": "https://shop.test", "client_id": "red"}, "taken"),
        ({"base_url": "https://shop.test", "client_id": "curfew-console"}, "reserved"),
        ({"base_url": "https://shop.test", "client_id": "a b"}, "client id"),
    ],
)
@pytest.mark.usefixtures("red")
def test_a_mistake_is_said_beside_what_was_typed_and_registers_nothing(console, typed, said):
    form = Page(console, console.get("/admin/clients/new?for=flask"))

    refused = form.press("register", **typed)

    assert refused.status_code == 400
    assert said in refused.get_data(as_text=True)
    assert shown(refused.get_data(as_text=True), "client_id") == typed["client_id"]
    assert now("shop") is None


def test_every_field_can_be_changed_and_the_audit_names_it(console, red_page):
    form = Page(console, console.get(f"{red_page}/edit"))

    form.press("change", contacts="ops@red.test\nhelp@red.test", policy_uri="https://red.test/privacy")

    red = now("red")
    assert red.metadata_.contacts == ("ops@red.test", "help@red.test")
    assert red.metadata_.redirect_uris == ("https://red.test/callback",)
    changed = db.session.scalars(select(AuditEvent).where(AuditEvent.tag == EventTag.CLIENT_UPDATED)).one()
    assert changed.detail["changed"] == ["contacts", "policy_uri"]
    assert changed.actor_name == "cleo"
    assert "contacts, policy_uri" in console.get(red_page).get_data(as_text=True)


def test_what_the_operator_decides_is_chosen_in_the_form(console, red_page):
    form = Page(console, console.get(f"{red_page}/edit"))
    refused = form.press("change", grant_lifetime="soon", told_of_expiry="")
    assert "grant_lifetime is not a time span" in refused.get_data(as_text=True)
    assert 'value="soon"' in refused.get_data(as_text=True)
    for wrong in ({"offline_policy": "sometimes"}, {"refresh_reuse_interval": "5m"}):
        assert form.press("change", **wrong).status_code == 400
    assert now("red").told_of_expiry

    done = form.press(
        "change",
        told_of_expiry="",
        offline_policy="ask",
        grant_lifetime="30d",
        may_exchange_tokens_of="green, blue",
        deliver_to="",
    )

    assert done.status_code == 303
    red = now("red")
    assert (red.told_of_expiry, red.first_party, red.offline_policy) == (False, True, "ask")
    assert (red.grant_lifetime, red.may_exchange_tokens_of) == (timedelta(days=30), ["green", "blue"])
    assert shown(console.get(f"{red_page}/edit").get_data(as_text=True), "grant_lifetime") == "30d"


def test_an_endpoint_that_is_held_back_is_tried_from_the_page(console, ada, red, red_page):
    made = make_session(ada, [red])
    with transaction():
        end(made.session, Cause(reason=LogoutReason.USER, initiator="account"))
        at = clock.now()
        red_s = {"kind": BACKCHANNEL_LOGOUT, "recipient_id": red.id}
        failing = {"failing_since": at, "last_outcome": "connect"}
        until = at + timedelta(hours=1)
        db.session.add(EndpointHealth(state="open", open_until=until, **red_s, **failing))
    token = Page(console, console.get(red_page)).fields["csrf"]

    done = console.post(f"{red_page}/endpoint", data={"csrf": token})

    assert "Its endpoint is tried now" in console.get(done.headers["Location"]).get_data(as_text=True)
    db.session.expire_all()
    assert db.session.get_one(EndpointHealth, red_s).open_until < until


def test_of_two_concurrent_changes_of_a_client_the_second_is_refused_with_the_reason(console, red_page):
    form = Page(console, console.get(f"{red_page}/edit"))
    with transaction():
        red = now("red")
        acts.update(acts.lock_as_seen("red", red.updated_at), red.metadata_, enabled=False)

    refused = form.press("change", client_name="Redder")

    assert refused.status_code == 409
    assert now("red").display_name == "Red"


@pytest.mark.parametrize(
    "typed", [{"redirect_uris": "javascript:alert(1)"}, {"jwks": "{"}, {"default_max_age": "soon"}]
)
def test_what_cannot_be_registered_changes_nothing(console, red_page, typed):
    before = now("red").registered
    form = Page(console, console.get(f"{red_page}/edit"))

    refused = form.press("change", **typed)

    assert refused.status_code == 400
    assert "Not changed" in refused.get_data(as_text=True)
    assert now("red").registered == before


def test_a_new_secret_works_beside_the_former_one(console, red_page):
    done = Page(console, console.get(f"{red_page}/secret")).press("rotate", overlap="1d")
    secret = shown(done.get_data(as_text=True), "client_secret")

    assert check_secret(now("red"), secret)
    assert check_secret(now("red"), secret_of("red"))
    assert "A replaced secret works until" in console.get(red_page).text


def test_a_secret_that_is_replaced_at_once_is_no_remark(console, red_page):
    Page(console, console.get(f"{red_page}/secret")).press("rotate", overlap="0")

    assert not check_secret(now("red"), secret_of("red"))
    assert "A replaced secret works until" not in console.get(red_page).text


def test_a_client_is_disabled_enabled_and_removed_by_its_name(console, red_page):
    form = Page(console, console.get(f"{red_page}/access"))
    form.press("change")
    assert now("red").disabled_at is not None
    Page(console, console.get(f"{red_page}/access")).press("change")
    assert now("red").disabled_at is None

    refused = Page(console, console.get(f"{red_page}/access")).press("remove", typed="re")
    assert refused.status_code == 400
    assert now("red") is not None
    Page(console, console.get(f"{red_page}/access")).press("remove", typed="red")

    assert now("red") is None
    assert console.get(red_page).status_code == 404


def test_the_doctor_examines_from_the_page(console):
    blue = make_client("blue", backchannel_logout_uri=None)
    address = f"/admin/clients/{blue.id}/doctor"

    examined = Page(console, console.get(address)).press("examine").get_data(as_text=True)

    assert 'data-grade="fail"' in examined
    assert "This app is not notified of sign-outs" in examined


def test_the_list_finds_a_part_of_a_name_and_never_the_console_itself(console, red, green):
    found = console.get("/admin/clients?q=REE").get_data(as_text=True)
    everything = console.get("/admin/clients").get_data(as_text=True)

    assert (str(green.id) in found, str(red.id) in found) == (True, False)
    assert str(red.id) in everything
    assert "curfew-console" not in everything
    assert console.get(f"/admin/clients/{now('curfew-console').id}").status_code == 404


@pytest.mark.usefixtures("app")
def test_a_remark_has_a_cure_and_costs_points():
    good = make_client("good", contacts=["ops@good.test"])
    mute = make_client("mute", backchannel_logout_uri=None, client_name=None, contacts=["ops@mute.test"])

    assert (lint(good).score, lint(good).findings) == (100, ())
    assert lint(mute).findings[0].grade is Grade.FAIL
    assert lint(mute).score < 70
    assert all(one.fix for one in lint(mute).findings)
