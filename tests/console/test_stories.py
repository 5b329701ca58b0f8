"""The console in headless Chromium: what only a browser shows; one provider for all stories."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from provider.delivery.models import Delivery
from provider.infrastructure import current
from provider.infrastructure.database import db, transaction
from tests.console.conftest import Day
from tests.factories import PASSWORD, make_session
from tests.support.chromium import new_window

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("console-stories")]


def console_of(served: Day) -> str:
    return f"{current.settings().issuer}/admin"


def sign_in(page: Page, served: Day) -> None:
    page.goto(console_of(served))
    page.fill("#username", "cleo")
    page.fill("#password", PASSWORD)
    page.click("#sign-in")
    expect(page.locator("h1")).to_have_text("Overview")


@pytest.fixture
def console(chromium: Browser, served: Day) -> Iterator[Page]:
    context = new_window(chromium, viewport={"width": 360, "height": 740})
    page = context.new_page()
    problems: list[str] = []
    page.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    sign_in(page, served)
    yield page
    # Neither a script error nor a violation of the content security policy.
    assert [one for one in problems if "403 (FORBIDDEN)" not in one] == []
    context.close()


def test_the_overview_looks_again_without_losing_what_is_open(console: Page, served: Day) -> None:
    console.click("#activity-numbers summary")
    before = int(console.locator("#live-sessions").inner_text())

    make_session(served.people["ben"])

    expect(console.locator("#live-sessions")).to_have_text(str(before + 1))
    expect(console.locator("#activity-numbers")).to_have_attribute("open", "")


def test_the_keyboard_skips_to_the_content(console: Page, served: Day) -> None:
    console.goto(f"{console_of(served)}/audit")
    console.keyboard.press("Tab")
    expect(console.locator(".skip")).to_be_focused()
    console.keyboard.press("Enter")
    expect(console.locator("#content")).to_be_focused()


def test_a_delivery_is_sent_again_and_its_logout_shows_it(console: Page, served: Day) -> None:
    expired = select(Delivery).where(Delivery.state == "expired").limit(1)
    delivery = db.session.scalars(expired).one()

    console.goto(f"{console_of(served)}/deliveries/{delivery.id}")
    console.click("#resend")

    expect(console.locator("h1")).to_contain_text("pending")
    console.click("text=the logout")
    expect(console.locator("#the-tree")).to_contain_text("pending")


def test_everything_works_without_a_script(chromium: Browser, served: Day) -> None:
    made = make_session(served.people["dora"])
    context = new_window(chromium, java_script_enabled=False)
    page = context.new_page()
    sign_in(page, served)

    page.goto(f"{console_of(served)}/people?q=dora")
    page.click("table a")
    page.check(f"input[value='{made.session.id}']")
    page.click("#end-chosen")
    page.click("#end")

    expect(page.locator("[role=status]")).to_contain_text("The sessions have ended")
    expect(page.locator(f"#session-{made.session.id}")).to_have_count(0)
    context.close()


def test_a_sign_out_in_another_tab_closes_the_console(console: Page, served: Day) -> None:
    other = console.context.new_page()
    other.goto(f"{current.settings().issuer}/session/end")
    other.click("#sign-out")
    expect(other.locator("#signed-out")).to_be_visible()

    console.goto(f"{console_of(served)}/people")

    expect(console.locator("#password")).to_be_visible()


def test_a_page_that_was_open_does_nothing_once_the_role_is_gone(console: Page, served: Day) -> None:
    made = make_session(served.people["emil"])
    console.goto(f"{console_of(served)}/people/{served.people['emil'].id}/sessions?session={made.session.id}")
    with transaction():
        cleo = db.session.get_one(type(served.people["cleo"]), served.people["cleo"].id)
        cleo.role = None

    console.click("#end")
    with transaction():
        cleo.role = "administrator"

    expect(console.locator("h1")).to_contain_text("no access")
    db.session.expire_all()
    assert made.session.ended_at is None
