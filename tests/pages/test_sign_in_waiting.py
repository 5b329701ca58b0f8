"""The request that waits for a sign-in: of another browser, expired, reloaded, answered elsewhere."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from provider.infrastructure.database import db, transaction
from provider.sessions.models import Session
from tests.factories import PASSWORD, make_client
from tests.pages.test_sign_in import sign_in
from tests.support.browsers import Page, follow
from tests.support.relying_party import RelyingParty, type_password


@pytest.fixture(params=["stored", "sealed"])
def kept(request):
    return request.param


def test_a_request_of_another_browser_is_nothing_here(http, browser, parked, ada):
    handle = parked(http)
    page = Page(http, http.get(f"/sign-in/{handle}"))
    other = browser()

    shown = other.get(f"/sign-in/{handle}")
    sent = other.post(f"/sign-in/{handle}", data=page.fields | {"username": "ada", "password": PASSWORD})

    assert (shown.status_code, sent.status_code) == (410, 410)
    assert 'id="error-heading"' in shown.text
    assert db.session.scalar(select(Session)) is None


def test_an_expired_request_is_explained_with_a_next_step(http, parked, turned_clock):
    handle = parked(http)

    turned_clock.turn(timedelta(hours=1))
    page = http.get(f"/sign-in/{handle}")

    assert page.status_code == 410
    assert 'data-reason="expired"' in page.text
    assert 'id="continue" href="https://red.test"' in page.text
    assert "Go to Red &lt;Notes&gt;" in page.text


def reason_of(page) -> str:
    assert page.status_code == 410
    return re.search(r'data-reason="(\w+)"', page.text)[1]


def test_where_an_app_lets_a_sign_in_begin_the_next_step_leads_there(http, parked, turned_clock):
    begins = make_client("green", initiate_login_uri="https://green.test/begin?a=b")
    handle = parked(http, begins)

    turned_clock.turn(timedelta(hours=1))

    assert 'href="https://green.test/begin?a=b&amp;iss=http%3A%2F%2Flocalhost%3A8900"' in (
        http.get(f"/sign-in/{handle}").text
    )


def test_each_reason_why_nothing_waits_is_said_by_itself(http, browser, parked, red):
    handle = parked(http)
    other = browser()
    assert reason_of(other.get(f"/sign-in/{handle}")) == "no_cookie"
    other.set_cookie("curfew_browser", "y" * 43)
    shown = other.get(f"/sign-in/{handle}")
    assert reason_of(shown) == "other_browser"
    assert 'href="https://red.test"' in shown.text
    assert reason_of(other.get(f"/sign-in/{'x' * 43}")) == "unknown"

    with transaction():
        red.disabled_at = red.created_at
    shown = http.get(f"/sign-in/{handle}")

    assert reason_of(shown) == "app_disabled"
    assert "Red &lt;Notes&gt; is disabled here" in shown.text
    assert 'id="continue" href="/"' in shown.text


def test_the_address_of_an_app_that_registered_itself_is_shown_before_anybody_goes_there(
    http, parked, red, turned_clock
):
    with transaction():
        red.self_registered = True
    handle = parked(http)

    turned_clock.turn(timedelta(hours=1))

    assert 'id="continue" href="/apps/red/open"' in http.get(f"/sign-in/{handle}").text


def test_an_expired_sign_in_for_the_account_begins_again_there(http, turned_clock):
    address = http.get("/account/password").headers["Location"]

    turned_clock.turn(timedelta(hours=1))
    page = http.get(address)

    assert reason_of(page) == "expired"
    assert 'id="continue" href="/account/password"' in page.text


def test_a_reloaded_page_goes_on_once_a_person_has_signed_in(http, ada, app):
    rp = RelyingParty(app, "green")
    waiting = rp.authorize(http)
    type_password(http, rp.authorize(http))

    response = follow(http, http.get(waiting.headers["Location"]))

    assert response.headers["Location"].startswith(f"{rp.redirect_uri}?code=")


@pytest.mark.parametrize("signed_in_before", [True, False])
@pytest.mark.parametrize("demand", [{"prompt": "login"}, {"max_age": "0"}])
def test_a_reload_is_no_way_around_a_sign_in_that_the_app_demands(http, ada, app, demand, signed_in_before):
    rp = RelyingParty(app, "green")
    if signed_in_before:
        type_password(http, rp.authorize(http))
    waiting = rp.authorize(http, **demand)
    if not signed_in_before:
        type_password(http, rp.authorize(http))

    for _ in range(2):
        shown = follow(http, http.get(waiting.headers["Location"]))
        assert 'id="password"' in shown.text


def test_a_renewed_sign_in_elsewhere_is_noticed_too(http, ada, app, turned_clock):
    rp = RelyingParty(app, "green")
    type_password(http, rp.authorize(http))
    turned_clock.turn(timedelta(minutes=5))
    waiting = rp.authorize(http, max_age="60")
    assert 'id="password"' in follow(http, waiting).text
    type_password(http, rp.authorize(http, prompt="login"))

    response = follow(http, http.get(waiting.headers["Location"]))

    assert response.headers["Location"].startswith(f"{rp.redirect_uri}?code=")


def test_a_reloaded_sign_in_for_the_account_opens_it(http, ada, parked):
    address = http.get("/account").headers["Location"]
    sign_in(http, parked(http))

    assert http.get(address).headers["Location"] == "/account"


def test_signing_in_begins_at_an_app(http):
    page = http.get("/sign-in")

    assert page.status_code == 200
    assert 'id="continue"' in page.text
