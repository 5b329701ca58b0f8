"""The page of results: each app in words, the same for programs, and only to who knows the address."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from provider.clients.models import ConfirmSignOut
from provider.delivery.models import Delivery, DeliveryState
from provider.infrastructure.database import change, transaction
from provider.logout.end_session import end
from provider.logout.models import LogoutReason
from provider.logout.notification.progress import list_app_states
from provider.logout.steps import Cause
from tests.factories import STRAIGHT_BACK, make_account, make_client, make_session
from tests.support.browsers import Page, follow, id_token_of, show_session, shows

CAUSE = Cause(reason=LogoutReason.USER, initiator="account")


@pytest.fixture
def ended(ada, red):
    """Ada's session at red has ended; the outcome knows the address of its result."""
    made = make_session(ada, [red])
    with transaction():
        return end(made.session, CAUSE)


def result_page_of(outcome):
    return f"/session/ended/{outcome.result_handle}"


def set_delivery(outcome, **values):
    with transaction():
        mine = update(Delivery).where(Delivery.cause_id == outcome.logout.id)
        assert change(mine.values(**values)) == 1


@pytest.mark.parametrize(
    ("values", "state", "words", "pending"),
    [
        pytest.param({}, "pending", "to be notified", True, id="not tried yet"),
        pytest.param({"last_outcome": "timeout"}, "trying", "not confirmed yet", True, id="tried in vain"),
        pytest.param(
            {"last_outcome": "bad_request", "refusals": 1, "last_status": 400},
            "trying",
            "not confirmed yet",
            True,
            id="refused once",
        ),
        pytest.param(
            {"last_outcome": "bad_request", "refusals": 2, "last_status": 400},
            "refusing",
            "refusing",
            True,
            id="refusing",
        ),
        pytest.param({"state": "accepted"}, "notified", "(142 ms)", False, id="notified"),
        pytest.param({"state": "cancelled"}, "cancelled", "no longer try", False, id="cancelled"),
        pytest.param(
            {"state": "rejected", "last_outcome": "bad_request"},
            "trying",
            "not confirmed yet",
            True,
            id="of an older release",
        ),
        pytest.param({"state": "expired"}, "expired", "did not confirm in time", False, id="given up"),
        pytest.param({"state": "superseded"}, "superseded", "no longer needed", False, id="superseded"),
    ],
)
def test_each_state_is_said_to_people_and_programs(http, ended, values, state, words, pending):
    final = values.get("state")
    at = ended.logout.at + timedelta(milliseconds=142) if final else None
    set_delivery(ended, **values, finished_at=at)

    page = http.get(result_page_of(ended))
    said = http.get(f"{result_page_of(ended)}/state").get_json()

    assert f'data-state="{state}"' in page.text
    assert words in page.text
    assert words in said["rows"]
    assert (said["pending"], said["apps"]) == (pending, [{"name": "Red", "state": state}])
    assert ("<meta http-equiv" in page.text) == pending
    assert ("live.js" in page.text) == pending
    assert ("connect-src 'self'" in page.headers["Content-Security-Policy"]) == pending
    # Another script shows times in the browser's zone.
    scripts = "live.js" in page.text or "times.js" in page.text
    assert ("script-src" in page.headers["Content-Security-Policy"]) == scripts


def test_when_it_was_notified_is_said_to_the_second(http, ended, turned_clock):
    at = ended.logout.at.replace(hour=12, minute=3, second=1)
    set_delivery(ended, state=DeliveryState.ACCEPTED, finished_at=at)

    assert "12:03:01" in http.get(result_page_of(ended)).text


def test_of_an_app_without_address_no_end_is_promised(http, ada, app):
    made = make_session(ada, [make_client("blue", backchannel_logout_uri=None)])
    with transaction():
        outcome = end(made.session, CAUSE)

    page = http.get(result_page_of(outcome))
    result = list_app_states(outcome.logout)[0]

    assert (result.state, result.has_address, result.ends_by) == (None, False, None)
    assert "We do not know how long its own session lasts" in page.text
    assert made.session.expires_at.isoformat(timespec="seconds") not in page.text


def test_an_app_whose_session_lifetime_is_stated_is_said_to_end_by_then(http, ada, app):
    blue = make_client("blue", backchannel_logout_uri=None)
    with transaction():
        blue.session_lifetime = timedelta(hours=3)
    made = make_session(ada, [blue])
    ends_by = made.client_sessions["blue"].last_used_at + timedelta(hours=3)
    with transaction():
        outcome = end(made.session, CAUSE)

    page = http.get(result_page_of(outcome))
    result = list_app_states(outcome.logout)[0]

    assert (result.state, result.has_address, result.ends_by) == (None, False, ends_by)
    assert "no logout address" in page.text
    assert ends_by.isoformat(timespec="seconds") in page.text
    assert "<meta http-equiv" not in page.text


def test_the_result_takes_a_constant_number_of_statements(http, ada, statements):
    clients = [make_client(f"app-{number}", client_name=f"App {number}") for number in range(12)]
    made = make_session(ada, clients)
    with transaction():
        outcome = end(made.session, CAUSE)

    with statements() as seen:
        http.get(f"{result_page_of(outcome)}/state")

    assert len([one for one in seen if one.startswith("SELECT")]) == 3


@pytest.mark.parametrize("suffix", ["", "/state"])
def test_an_unknown_address_shows_nothing(http, suffix):
    response = http.get(f"/session/ended/{'x' * 43}{suffix}")

    assert response.status_code == 404
    assert response.is_json == bool(suffix)


def test_only_what_belongs_to_the_ending_is_shown(http, ada, ended):
    other = make_session(ada, [make_client("green")])
    with transaction():
        end(other.session, CAUSE)

    page = http.get(result_page_of(ended))

    assert "Red" in page.text
    assert "Green" not in page.text
    assert not shows(page.text, "Ada")
    assert not shows(page.text, "ada")
    assert page.headers["Cache-Control"] == "no-store"


def test_names_of_apps_are_text(http, ada, app):
    made = make_session(ada, [make_client("red", client_name="Red <img src=x>")])
    with transaction():
        outcome = end(made.session, CAUSE)

    assert "<img" not in http.get(f"{result_page_of(outcome)}/state").get_json()["rows"]


def test_another_person_in_this_browser_is_not_led_to_an_account(http, ended):
    show_session(http, make_session(make_account("ben")))

    assert "You are signed out" in http.get(result_page_of(ended)).text
    assert "/account" not in http.get(result_page_of(ended)).text


def test_an_app_that_is_entered_again_is_not_notified_of_another_browser(http, ada, ended):
    show_session(http, make_session(ada))

    assert "You are signed out" in http.get(result_page_of(ended)).text


@pytest.mark.spec("rpinitiated 5")
@pytest.mark.parametrize(
    ("asks", "is_asked"),
    [(ConfirmSignOut.ALWAYS, True), (ConfirmSignOut.WHEN_NEEDED, False)],
)
def test_a_client_can_have_its_people_asked_every_time(http, ada, asks, is_asked):
    red = make_client("red", settings={"confirm_sign_out": asks} | STRAIGHT_BACK)
    made = make_session(ada, [red])
    show_session(http, made)
    hint = id_token_of(red, made.grants["red"])
    back = red.metadata_.post_logout_redirect_uris[0]

    request = f"/session/end?id_token_hint={hint}&post_logout_redirect_uri={back}&state=here"
    response = http.get(request)

    if is_asked:
        page = Page(http, follow(http, response))
        assert "asks to sign you out" in page.html
        response = page.press("sign-out")
    assert response.headers["Location"] == f"{back}?state=here"
