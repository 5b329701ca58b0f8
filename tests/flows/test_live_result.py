"""The account page and the page of results in headless Chromium; the test plays the worker."""

import re
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from sqlalchemy import select, update
from werkzeug.serving import make_server

from provider.delivery.models import Delivery, DeliveryState
from provider.infrastructure.database import change, db, transaction
from provider.logout.end_session import end
from provider.logout.models import LogoutReason
from provider.logout.steps import Cause
from tests.factories import SignedIn, make_account, make_client, make_session
from tests.support.chromium import new_window

# What a browser shows does not depend on the database; one kind is enough.
pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("live-result"),
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
]


@pytest.fixture
def served(app, signing_keys) -> Iterator[str]:
    """The provider on a port of its own."""
    server = make_server("localhost", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://localhost:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def made(app) -> SignedIn:
    """Ada is signed in here at red and blue; blue has no address for logout."""
    ada, red = make_account("ada"), make_client("red")
    return make_session(ada, [red, make_client("blue", backchannel_logout_uri=None)])


def show(context: BrowserContext, served: str, made: SignedIn) -> Page:
    context.add_cookies([{"name": "curfew_session", "value": made.handle, "url": served}])
    page = context.new_page()
    page.goto(f"{served}/account")
    return page


def tell_red() -> None:
    with transaction():
        delivery = db.session.scalars(select(Delivery)).one()
        pending = update(Delivery).where(Delivery.id == delivery.id)
        at = delivery.created_at + timedelta(milliseconds=142)
        assert (
            change(pending.values(state=DeliveryState.ACCEPTED, finished_at=at, last_outcome="accepted")) == 1
        )


def state_of(page: Page, app: str) -> str | None:
    return page.locator("#apps li", has_text=app).get_attribute("data-state")


def test_the_page_of_results_goes_on_by_itself(context, served, made):
    page = show(context, served, made)
    page.click("#sign-out")
    expect(page).to_have_url(re.compile("/session/ended/"))
    assert (state_of(page, "Red"), state_of(page, "Blue")) == ("pending", "no_address")
    page.evaluate("window.neverLeft = true")

    tell_red()

    expect(page.locator("#apps li[data-state=notified]")).to_contain_text("(142 ms)")
    expect(page.locator("#looking-again")).to_have_count(0)
    assert page.evaluate("window.neverLeft")
    assert state_of(page, "Blue") == "no_address"


def test_the_page_of_results_goes_on_without_javascript(chromium: Browser, served, made):
    with new_window(chromium, java_script_enabled=False) as context:
        page = show(context, served, made)
        page.click("#sign-out")
        expect(page.locator("#apps li[data-state=pending]")).to_contain_text("Red")

        tell_red()

        expect(page.locator("#apps li[data-state=notified]")).to_contain_text("Red")


def test_times_are_in_the_browsers_zone_with_the_exact_one_in_a_title(chromium: Browser, served, made):
    zone = "Asia/Kolkata"
    # Germans write the hour as it is computed here.
    with new_window(chromium, timezone_id=zone, locale="de-DE") as context:
        shown = show(context, served, made).locator("time").first

        expect(shown).to_have_attribute("data-shown", "true")
        at = datetime.fromisoformat(shown.get_attribute("datetime"))
        there = at.astimezone(ZoneInfo(zone))
        assert shown.inner_text() == f"{there:%d.%m.%Y, %H:%M}"
        title = shown.get_attribute("title")
        assert f"{there:%H:%M:%S}" in title
        assert title.endswith(f"({at:%Y-%m-%d %H:%M:%S} UTC)")


def test_a_form_is_sent_once(context, served, made):
    page = show(context, served, made)
    sent: list[str] = []

    def answer_nothing(route, request) -> None:
        sent.append(request.method)
        # The browser stays where it is, as if the response took very long.
        route.fulfill(status=204)

    page.route("**/account", answer_nothing)
    page.click("#sign-out")

    expect(page.locator("#sign-out")).to_be_disabled()
    page.evaluate("document.forms[0].requestSubmit()")
    expect(page.locator("form[aria-busy=true]")).to_be_visible()
    assert sent == ["POST"]


@pytest.mark.parametrize(
    "ends", [pytest.param("here", id="signed out here"), pytest.param("elsewhere", id="ended elsewhere")]
)
def test_the_back_button_shows_nothing_private(context, served, made, ends):
    page = show(context, served, made)
    expect(page.locator("main")).to_contain_text("Firefox on Linux")
    if ends == "here":
        page.click("#sign-out")
        expect(page.locator("#signed-out")).to_be_visible()
    else:
        page.goto(f"{served}/sign-in")
        end_elsewhere(made)

    page.go_back()

    expect(page.locator("#password")).to_be_visible()
    expect(page.locator("body")).not_to_contain_text("Firefox on Linux")


def end_elsewhere(made: SignedIn) -> None:
    with transaction():
        assert end(made.session, Cause(reason=LogoutReason.ADMIN, initiator="admin"))


def test_no_page_of_the_account_is_wider_than_a_phone_or_breaks_its_policy(chromium: Browser, served, made):
    with new_window(chromium, viewport={"width": 390, "height": 844}) as context:
        page = show(context, served, made)
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))

        for address in ("/account", "/account/everywhere", "/account/password"):
            page.goto(f"{served}{address}")
            assert page.evaluate("document.documentElement.scrollWidth") <= 390

        assert said == []
