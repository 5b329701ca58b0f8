"""Bulk logouts, keys, audit and settings at the console."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import select

from provider.accounts.roles import Role
from provider.audit import chain
from provider.audit.models import AuditEvent
from provider.audit.tags import EventTag
from provider.infrastructure import clock
from provider.infrastructure.database import db, transaction
from provider.keys.models import KeyState
from provider.keys.queries import list_keys
from provider.logout.bulk import begin as bulk
from provider.logout.models import BulkLogout
from provider.sessions.queries import find_live
from tests.factories import make_session
from tests.support.browsers import Page

# What is asked of the database is the same on each; the console has to work on the one of production.
pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.fixture
def signed_in(ada, red, green):
    return make_session(ada, [red, green])


def begun() -> list[BulkLogout]:
    db.session.expire_all()
    return list(db.session.scalars(select(BulkLogout)))


def test_everybody_is_signed_out_after_counting_and_typing(console, signed_in):
    asked = Page(console, console.get("/admin/incident/confirm?kind=all"))
    assert "Your own session is among them" in asked.html

    refused = asked.press("begin", typed="everyone")
    assert (refused.status_code, begun()) == (400, [])
    asked.press("begin", typed="everybody")

    assert begun()[0].actor_name == "cleo"
    assert find_live(signed_in.handle) is None
    assert console.get("/admin").status_code == 303


@pytest.mark.parametrize("query", ["kind=client&client=red", "kind=before&before={before}"])
def test_a_client_or_an_instant_is_named_to_confirm(console, signed_in, query, turned_clock):
    turned_clock.turn(timedelta(minutes=2))
    before = f"{clock.now():%Y-%m-%dT%H:%M}"
    word = "red" if "client" in query else before
    asked = Page(console, console.get(f"/admin/incident/confirm?{query.format(before=before)}"))

    done = asked.press("begin", typed=word)

    assert done.status_code == 303
    assert len(begun()) == 1


@pytest.mark.parametrize(
    "query",
    ["", "kind=nothing", "kind=client", "kind=client&client=nobody", "kind=before&before=2199-01-01"],
)
def test_what_is_not_understood_begins_nothing(console, query):
    shown = console.get(f"/admin/incident/confirm?{query}")

    assert shown.status_code == 400
    assert begun() == []


def test_a_running_one_is_paused_paced_and_resumed(console, green):
    with transaction():
        one = bulk.end_of_client(green, "admin")
    address = f"/admin/incident/{one.id}"

    Page(console, console.get(address)).press("stop")
    assert begun()[0].stopped_at is not None
    Page(console, console.get(address)).press("set-pace", pace="7")
    assert begun()[0].pace == 7
    assert Page(console, console.get(address)).press("set-pace", pace="0").status_code == 400
    stale = Page(console, console.get(address))
    stale.press("resume")
    assert begun()[0].stopped_at is None

    assert stale.press("resume").status_code == 409


def test_keys_are_rotated_and_a_stolen_one_withdrawn(console):
    active = next(key.kid for key in list_keys() if key.state == KeyState.ACTIVE)
    Page(console, console.get("/admin/keys/change")).press("rotate")
    assert any(key.state == KeyState.NEXT for key in list_keys())

    refused = Page(console, console.get("/admin/keys/change")).press("compromise", kid=active, typed="x")
    assert refused.status_code == 400
    Page(console, console.get("/admin/keys/change")).press("compromise", kid=active, typed=active)

    assert next(key for key in list_keys() if key.kid == active).state == KeyState.DESTROYED


def test_the_audit_is_searched_exported_and_verified(console, enter, signed_in):
    with transaction():
        chain.seal()

    shown = console.get("/admin/audit?user=ada&tag=session_started").get_data(as_text=True)
    exported = console.get("/admin/audit/export?tag=session_started")
    lines = [json.loads(line) for line in exported.get_data(as_text=True).splitlines()]

    assert shown.count('scope="row"') == 1
    assert {line["tag"] for line in lines} == {EventTag.SESSION_STARTED}
    assert "attachment" in exported.headers["Content-Disposition"]
    assert "The chain holds" in console.get("/admin/audit/verify").get_data(as_text=True)


def test_a_changed_entry_is_found(console, signed_in):
    with transaction():
        chain.seal()
    with transaction():
        db.session.scalars(select(AuditEvent).limit(1)).one().ip = "203.0.113.1"

    assert "The audit log was changed" in console.get("/admin/audit/verify").get_data(as_text=True)


@pytest.mark.parametrize("query", ["tag=nothing", "user=nobody", "logout=x", "since=yesterday"])
def test_a_filter_that_is_not_understood_is_said(console, query):
    shown = console.get(f"/admin/audit?{query}").get_data(as_text=True)

    assert 'class="notice bad"' in shown


def test_settings_are_shown_with_their_source_and_without_secrets(enter, settings):
    console = enter(Role.VIEWER)

    shown = console.get("/admin/settings").get_data(as_text=True)

    assert "CURFEW_SESSION_LIFETIME" in shown
    assert "To change before production" in shown
    assert settings.secret_key not in shown
    found = console.get("/admin/settings?q=retention").get_data(as_text=True)
    assert "CURFEW_AUDIT_RETENTION" in found
    assert "CURFEW_SESSION_LIFETIME" not in found
