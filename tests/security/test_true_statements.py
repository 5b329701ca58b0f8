"""INV-17: every sentence about who is notified of a logout is true in the database, before, during and after.

What an app has confirmed is read from the attempts that were answered with success, not from the
states that the sentences are made of.
"""

import json
import re
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from provider.infrastructure.database import db, transaction
from provider.logout.end_session import end
from provider.logout.models import LogoutReason
from provider.logout.notification import outbox
from provider.logout.steps import Cause
from tests.api.conftest import SCOPE, AccountApp
from tests.cli.test_who import PASSWORD
from tests.delivery.receivers import receiving
from tests.factories import make_account, make_client, make_session
from tests.support.browsers import show_session
from tests.support.command import run_curfew
from tests.support.reads import end_read
from tests.support.waiting import wait_until

TO_BE, DONE, REFUSING, EXPIRED, NOT = "to be notified", "notified", "refusing", "expired", "not notified"
# What a page's row stands for, and the words that people read there.
ROWS = {
    "pending": (TO_BE, "to be notified", "wird noch benachrichtigt"),
    "trying": (TO_BE, "to be notified", "wird noch benachrichtigt"),
    "notified": (DONE, "notified", "benachrichtigt"),
    "refusing": (REFUSING, "refusing", "lehnt ab"),
    "expired": (EXPIRED, "not notified", "nicht benachrichtigt"),
    "no_address": (NOT, "no logout address", "keine Abmelde-Adresse"),
}
ROW = re.compile(
    r'<li data-state="(\w+)">\s*<span class="name">(\w+)</span>\s*<span class="state[^"]*">(.*?)</span>'
)


@pytest.fixture
def apps(app, signing_keys):
    """Red confirms, blue answers 404, mute has no address."""
    with receiving(200) as red, receiving(404) as blue:
        made = [
            make_client("red", backchannel_logout_uri=red.url),
            make_client("blue", backchannel_logout_uri=blue.url),
            make_client("mute", backchannel_logout_uri=None),
        ]
        yield made, blue


@pytest.fixture
def ended(apps):
    clients, _ = apps
    made = make_session(make_account("ada"), clients)
    with transaction():
        return end(made.session, Cause(reason=LogoutReason.USER, initiator="account"))


def truth(logout_id: UUID) -> dict[str, str]:
    """Return the fate of each app by the attempts that were made."""
    rows = db.session.execute(
        text(
            "SELECT c.client_id, d.state, a.status FROM client c"
            " LEFT JOIN delivery d ON d.client_id = c.id AND d.logout_id = :logout_id"
            " LEFT JOIN delivery_attempt a ON a.delivery_id = d.id"
        ).bindparams(logout_id=logout_id.hex if db.engine.dialect.name == "sqlite" else logout_id)
    ).all()
    end_read()
    found: dict[str, str] = {}
    for client_id in {row.client_id for row in rows}:
        own = [row for row in rows if row.client_id == client_id]
        statuses = [row.status for row in own if row.status]
        if any(200 <= status < 300 for status in statuses):
            found[client_id] = DONE
        elif own[0].state is None:
            found[client_id] = NOT
        elif own[0].state == "pending":
            # The second response without success counts as refusing (DLV-11).
            found[client_id] = REFUSING if len(statuses) > 1 else TO_BE
        else:
            found[client_id] = own[0].state
    return found


def said(http, outcome) -> dict[str, dict[str, str]]:
    """Collect the statements of each page, command and program interface about each app."""
    address = f"/session/ended/{outcome.result_handle}"
    sources: dict[str, dict[str, str]] = {}
    for column, language in ((1, "en"), (2, "de")):
        rows = ROW.findall(http.get(address, headers={"Accept-Language": language}).text)
        assert {label for state, _, label in rows} == {ROWS[state][column] for state, _, _ in rows}
        sources[f"page {language}"] = {name.lower(): ROWS[state][0] for state, name, _ in rows}
    polled = http.get(f"{address}/state").get_json()["apps"]
    sources["state"] = {one["name"].lower(): ROWS[one["state"]][0] for one in polled}
    shown = run_curfew("logout", "show", outcome.logout.id)
    lines = re.findall(
        r"^ *(red|blue|mute) +(to be notified|not notified|notified|refusing|\w+)\b", shown, re.MULTILINE
    )
    sources["command"] = {
        name: state for name, state in lines if state in {TO_BE, DONE, REFUSING, EXPIRED, NOT}
    }
    return sources


def check(http, outcome, **expected: str) -> None:
    true = truth(outcome.logout.id)
    assert true == expected
    for source, words in said(http, outcome).items():
        assert words == true, source


def deliver_until(outcome, turned_clock, **expected: str) -> None:
    """Deliver, and retry on the schedule, until each app has come that far, also on a busy machine."""

    def came_that_far() -> bool:
        outbox.drain()
        found = truth(outcome.logout.id)
        if all(found[name] == state for name, state in expected.items()):
            return True
        turned_clock.turn(timedelta(minutes=20))
        return False

    wait_until(came_that_far)


def test_nothing_is_said_to_be_done_that_is_only_owed(http, ended):
    check(http, ended, red=TO_BE, blue=TO_BE, mute=NOT)


def test_while_it_is_delivered_each_app_stands_where_it_is(http, ended, turned_clock):
    deliver_until(ended, turned_clock, red=DONE, blue=REFUSING)

    check(http, ended, red=DONE, blue=REFUSING, mute=NOT)


def test_once_all_have_confirmed_that_is_said(http, ended, apps, turned_clock):
    deliver_until(ended, turned_clock, blue=REFUSING)
    apps[1].statuses = [200]
    deliver_until(ended, turned_clock, red=DONE, blue=DONE)

    check(http, ended, red=DONE, blue=DONE, mute=NOT)


def test_an_app_that_never_confirmed_is_not_said_to_be_notified(http, ended, turned_clock):
    deliver_until(ended, turned_clock, red=DONE, blue=REFUSING)
    turned_clock.turn(timedelta(days=5))
    deliver_until(ended, turned_clock, blue=EXPIRED)

    check(http, ended, red=DONE, blue=EXPIRED, mute=NOT)


def counts(logout_ids: list[str]) -> tuple[int, int]:
    """Distinct apps, and notifications, as they stand in the database."""
    end_read()
    found = db.session.execute(text("SELECT logout_id, client_id FROM delivery")).all()
    end_read()
    own = [row.client_id for row in found if str(UUID(str(row.logout_id))) in logout_ids]
    return len(set(own)), len(own)


ACTS = {
    "user disable": ("user", "disable", "ada"),
    "user delete": ("user", "delete", "ada", "--yes"),
    "user password": ("user", "password", "ada"),
    "logout user": ("logout", "user", "ada", "--yes"),
    "session end": ("session", "end", "--account", "ada", "--yes"),
    "grant revoke": ("grant", "revoke", "--user", "ada", "--yes"),
}


@pytest.fixture
def in_two_browsers(apps):
    """Ada is signed in at all three in one browser and at red in another: two apps, three notifications."""
    clients, _ = apps
    ada = make_account("ada")
    return make_session(ada, clients), make_session(ada, clients[:1])


@pytest.mark.parametrize("act", ACTS)
def test_a_command_counts_apps_as_apps_and_notifications_as_notifications(in_two_browsers, act):
    response = read_json(run_curfew(*ACTS[act], "--json", stdin=PASSWORD))

    logout_ids = response.get("logout_ids") or [response["logout_id"]]
    assert (response["apps_to_notify"], response["notifications"]) == counts(logout_ids) == (2, 3)
    for logout_id in logout_ids:
        (entry,) = read_json(run_curfew("audit", "list", "--logout", logout_id, "--tag", "logout", "--json"))
        detail = entry["detail"]
        assert (detail["apps_to_notify"], detail["notifications"]) == counts([logout_id])


@pytest.mark.parametrize("act", ACTS)
def test_a_command_says_what_will_be_and_not_what_was(in_two_browsers, act):
    out = run_curfew(*ACTS[act], stdin=PASSWORD)

    assert "2 apps will be notified, by 3 notifications." in out
    assert not re.search(r"\btold\b|\bwere notified\b|\bhave been notified\b", out)


def test_the_account_api_names_each_app_once(app, http, apps, signing_keys):
    clients, _ = apps
    ada, rp = make_account("ada"), AccountApp(app, "phone", scope=SCOPE, backchannel_logout_uri=None)
    make_session(ada, clients), make_session(ada, clients[:1])
    token = rp.sign_in_to_account(show_session(http, make_session(ada)))["access_token"]

    before = rp.preview(token).json
    after = rp.sign_out_everywhere(token).json

    assert before["apps_to_notify"] == after["apps_to_notify"]
    assert [one["client_id"] for one in after["apps_to_notify"]] == ["blue", "red"]
    assert counts([after["logout_id"]]) == (2, 3)
    notified = {one["client_id"]: one["will_be_notified"] for one in before["apps"]}
    assert notified == {"blue": True, "red": True, "mute": False, "phone": False}


def read_json(printed: str):
    return json.loads(printed)
