"""The way back to the app leads past the result page while an app has not confirmed."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from provider.delivery.models import Delivery
from provider.infrastructure.database import change, db, transaction
from provider.interactions.models import Interaction
from tests.factories import make_client, make_session
from tests.support.browsers import Page, follow, id_token_of, show_session
from tests.support.reads import end_read

RED_OUT = "https://red.test/signed-out"
BACK = f"{RED_OUT}?state=a%20b%26c"


@pytest.fixture
def choice():
    return "when-pending"


@pytest.fixture
def budget():
    return timedelta(0)


@pytest.fixture
def settings(settings, budget):
    return replace(settings, notify_budget=budget)


@pytest.fixture
def red(app, choice):
    return make_client("red", settings={"result_page": choice})


@pytest.fixture
def made(http, ada, red):
    made = make_session(ada, [red, make_client("green")])
    show_session(http, made)
    return made


def request_of(red, made):
    return {
        "id_token_hint": id_token_of(red, made.grants["red"]),
        "post_logout_redirect_uri": RED_OUT,
        "state": "a b&c",
    }


@pytest.fixture
def asked(red, made):
    return request_of(red, made)


def test_with_a_notification_pending_the_result_comes_first_and_leads_back(http, asked):
    ended = http.get("/session/end", query_string=asked)
    page = http.get(ended.headers["Location"])

    assert ended.headers["Location"].startswith("/session/ended/")
    assert f'id="continue" href="{BACK}"' in page.text
    assert "data-state-url" in page.text
    assert "Continue to Red" in page.text


def test_the_way_back_is_for_the_browser_that_asked_and_not_for_ever(http, browser, asked, turned_clock):
    result = http.get("/session/end", query_string=asked).headers["Location"]

    assert BACK not in browser().get(result).text
    turned_clock.turn(timedelta(minutes=31))
    assert BACK not in http.get(result).text
    assert 'id="continue" href="https://red.test"' in http.get(result).text


def test_no_app_to_notify_no_result(http, ada, app):
    blue = make_client("blue", backchannel_logout_uri=None, backchannel_logout_session_required=None)
    made = make_session(ada, [blue])
    show_session(http, made)
    back = "https://blue.test/signed-out"
    request = {"id_token_hint": id_token_of(blue, made.grants["blue"]), "post_logout_redirect_uri": back}

    assert http.get("/session/end", query_string=request).headers["Location"] == back


@pytest.mark.parametrize("choice", ["never"])
def test_a_client_may_always_have_its_people_back_at_once(http, asked):
    assert http.get("/session/end", query_string=asked).headers["Location"] == BACK


@pytest.mark.parametrize("choice", ["always"])
def test_a_client_may_always_have_its_people_see_the_result(http, ada, app, choice):
    blue = make_client(
        "blue",
        settings={"result_page": choice},
        backchannel_logout_uri=None,
        backchannel_logout_session_required=None,
    )
    made = make_session(ada, [blue])
    show_session(http, made)
    back = "https://blue.test/signed-out"
    request = {"id_token_hint": id_token_of(blue, made.grants["blue"]), "post_logout_redirect_uri": back}

    page = follow(http, http.get("/session/end", query_string=request))

    assert f'id="continue" href="{back}"' in page.text


@pytest.mark.parametrize("button", ["sign-out", "sign-out-this-app"])
@pytest.mark.parametrize(("choice", "is_shown"), [("never", False), ("when-pending", True), ("always", True)])
def test_the_same_holds_after_the_persons_own_answer(http, made, button, is_shown):
    request = {"client_id": "red", "post_logout_redirect_uri": RED_OUT, "state": "a b&c"}
    page = Page(http, follow(http, http.get("/session/end", query_string=request)))

    first, again = page.press(button), page.press(button)

    assert first.headers["Location"] == again.headers["Location"]
    assert first.headers["Location"].startswith("/session/ended/" if is_shown else RED_OUT)
    assert not is_shown or f'href="{BACK}"' in http.get(first.headers["Location"]).text


def test_a_repeated_answer_leads_back_once_every_app_has_confirmed(http, made):
    request = {"client_id": "red", "post_logout_redirect_uri": RED_OUT}
    page = Page(http, follow(http, http.get("/session/end", query_string=request)))
    page.press("sign-out")
    with transaction():
        change(update(Delivery).values(state="accepted"))

    assert page.press("sign-out").headers["Location"] == RED_OUT


def test_a_request_that_is_sent_twice_at_once_leads_the_same_way(http, made, asked):
    first = http.get("/session/end", query_string=asked)
    # The browser sent it a second time before it had the first response.
    show_session(http, made)

    assert http.get("/session/end", query_string=asked).headers["Location"] == first.headers["Location"]


def test_pending_ends_when_the_rows_do(http, asked):
    result = http.get("/session/end", query_string=asked).headers["Location"]
    assert http.get(f"{result}/state").json["pending"]
    with transaction():
        change(update(Delivery).values(state="accepted"))
    end_read()
    db.session.expire_all()

    assert not http.get(f"{result}/state").json["pending"]
    assert f'href="{BACK}"' in http.get(result).text


def test_a_server_of_the_previous_release_can_take_up_what_is_parked(http, made):
    follow(http, http.get("/session/end", query_string={"client_id": "red"}))

    parked = db.session.scalars(select(Interaction)).one()

    # EndSessionCase took these and no others.
    assert set(parked.parameters) == {"client_id", "app_name", "app_uri", "sid", "return_to", "ui_locales"}
