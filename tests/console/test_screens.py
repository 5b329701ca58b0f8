"""A story in headless Chromium for each screen of the console; a screen without one fails.

Cleo signs in once. The stories share a provider with a day behind it, and each acts on people and apps of
its own.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from sqlalchemy import select

from provider.delivery.models import Delivery
from provider.infrastructure import clock, current
from provider.infrastructure.database import db, transaction
from provider.logout.models import BulkKind, BulkLogout
from provider.sessions.models import ClientSession
from tests.console.conftest import Day
from tests.console.visits import VISITED, screens, visits, watched
from tests.factories import PASSWORD
from tests.support.chromium import forget

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("console-screens")]
Go = Callable[[str], Page]


def test_every_screen_has_a_story() -> None:
    assert screens() == VISITED


@pytest.fixture(scope="module")
def window(kept_context: BrowserContext, served: Day) -> Iterator[BrowserContext]:
    """A browser in which Cleo administers."""
    page = kept_context.new_page()
    page.goto(f"{current.settings().issuer}/admin")
    page.fill("#username", "cleo")
    page.fill("#password", PASSWORD)
    page.click("#sign-in")
    expect(page.locator("h1")).to_have_text("Overview")
    page.close()
    yield kept_context
    forget(kept_context)


@pytest.fixture
def console(window: BrowserContext, served: Day, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A tab of hers; what the story says that it visits, it has visited, and no script has failed."""
    page = window.new_page()
    problems: list[str] = []
    page.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    with watched(served.app) as seen:
        yield page
    page.close()
    assert problems == []
    assert request.function.visits <= seen


@pytest.fixture
def go(console: Page) -> Go:
    def to(path: str) -> Page:
        console.goto(f"{current.settings().issuer}/admin{path}")
        return console

    return to


def download(page: Page, selector: str) -> str:
    with page.expect_download() as kept:
        page.click(selector)
    return Path(kept.value.path()).read_text()


def look_again(page: Page, part: str) -> None:
    """Let the time pass after which a part of a page asks for its numbers."""
    with page.expect_response(lambda response: part in response.url):
        page.clock.run_for(5_100)


@visits("overview", "overview_numbers")
def test_times_are_local_or_in_utc_as_the_person_prefers(console: Page, go: Go) -> None:
    devtools = console.context.new_cdp_session(console)
    devtools.send("Emulation.setTimezoneOverride", {"timezoneId": "Asia/Tokyo"})
    console.clock.install()
    go("")
    look_again(console, "/admin/overview")
    shown = console.locator("[data-looked-at]")
    expect(shown).not_to_contain_text("UTC")

    go("/logouts")
    instant = console.locator("tbody time").first
    local = instant.inner_text()
    console.click("details.me summary")
    console.click("#times")

    expect(instant).to_contain_text("UTC")
    assert instant.inner_text() != local
    go("/logouts")
    expect(instant).to_contain_text("UTC")
    console.click("details.me summary")
    console.click("#times")
    expect(instant).to_have_text(local)


@visits("people", "person", "everywhere", "logouts", "logout", "logout_tree", "logout_receipt")
def test_a_stolen_device_is_signed_out_and_the_receipt_kept(console: Page, go: Go) -> None:
    go("/people?q=ada")
    console.click("tbody a")
    console.click("#everywhere")
    console.click("#end")
    expect(console.locator("[role=status]")).to_be_visible()
    console.clock.install()
    console.click("[aria-labelledby=ended] tbody a >> nth=0")
    expect(console.locator("[aria-labelledby=cause]")).to_contain_text("cleo")
    look_again(console, "/tree")
    expect(console.locator("#the-tree")).to_contain_text("pending")

    assert download(console, "#receipt").startswith("eyJ")
    go("/logouts?user=ada&by=cleo")
    expect(console.locator("tbody tr")).to_have_count(1)


@visits("end_sessions", "revoke_grant")
def test_a_grant_is_revoked_and_a_session_ended_by_itself(console: Page, go: Go) -> None:
    go("/people?q=hana")
    console.click("tbody a")
    console.click("text=Revoke …")
    console.click("#revoke")
    expect(console.locator("[aria-labelledby=offline]")).to_contain_text("No app has an offline grant")
    console.check("[aria-labelledby=sessions] [name=session]")
    console.click("#end-chosen")
    console.click("#end")

    expect(console.locator("[aria-labelledby=sessions]")).to_contain_text("Nowhere at the moment")


@visits("access", "role", "reset")
def test_an_account_is_disabled_another_gets_a_role_and_a_new_password(console: Page, go: Go) -> None:
    go("/people?q=lena")
    console.click("tbody a")
    console.click("#access")
    console.click("#change")
    expect(console.locator("h1")).to_contain_text("disabled")
    go("/people?q=mio")
    console.click("tbody a")
    console.click("#role")
    console.check("[value=viewer]")
    console.click("#change")
    expect(console.locator(".lead")).to_contain_text("viewer")
    console.click("#reset")
    console.click("#reset")

    assert console.input_value("#link").startswith(current.settings().issuer)


@visits("sessions", "sessions_export", "end_chosen")
def test_the_chosen_sessions_of_a_list_are_ended(console: Page, go: Go) -> None:
    go("/sessions?user=ivo")
    assert "ivo" in download(console, "#export")
    console.check("tbody [name=session]")
    console.click("#end-chosen")
    expect(console.locator("h1")).to_have_text("End 1 session?")
    console.click("#end")

    expect(console.locator("[role=status]")).to_contain_text("1 session ended")


@visits("deliveries", "deliveries_export", "delivery", "resend", "logouts_export")
def test_the_chosen_deliveries_are_cancelled_and_many_sent_again(console: Page, go: Go) -> None:
    go("/deliveries?state=expired")
    console.check("tbody [name=delivery] >> nth=0")
    console.fill("#reason", "the app was shut down")
    console.click("#cancel-chosen")
    expect(console.locator("[role=status]")).to_contain_text("Nothing was changed")
    go("/deliveries?state=pending&client=blue")
    console.check("tbody [name=delivery] >> nth=0")
    console.fill("#reason", "the app was shut down")
    console.click("#cancel-chosen")
    expect(console.locator("[role=status]")).to_contain_text("1 delivery cancelled")
    go("/deliveries?state=cancelled")
    assert "the app was shut down" in download(console, "#export")
    console.click("tbody a >> nth=0")
    expect(console.locator("h1")).to_contain_text("cancelled")
    go("/deliveries/resend?client=blue")
    console.click("#resend")
    expect(console.locator("[role=status]")).to_contain_text("are due now")
    go("/logouts")

    assert "rp_initiated" in download(console, "#export")


@visits("why")
def test_it_says_why_an_app_was_not_notified(console: Page, go: Go) -> None:
    refusing = db.session.scalars(select(Delivery).where(Delivery.refusals > 1).limit(1)).one()
    left = select(ClientSession).where(ClientSession.logout_id == refusing.cause_id)
    session = db.session.scalars(left.where(ClientSession.client_id == refusing.recipient_id)).one()

    go("/why")
    console.fill("#client", "blue")
    console.fill("#session", session.sid)
    console.click("text=Explain")

    expect(console.locator("[data-verdict=refusing]")).to_contain_text("bad_request")


@visits("slo", "slo_missed")
def test_behind_each_number_of_the_service_level_is_its_list(console: Page, go: Go) -> None:
    go("/slo?window=30d")
    expect(console.locator("#share-30d")).to_contain_text("%")
    console.click("tbody tr:has-text('blue') td:nth-child(5) a")

    expect(console.locator("h1")).to_have_text("Notifications that apps missed")
    console.click("tbody a >> nth=0")
    expect(console.locator("h1")).to_contain_text("Delivery")


@visits("clients", "client", "client_edit", "client_secret", "client_access", "doctor")
def test_a_client_is_changed_examined_and_gets_a_secret(console: Page, go: Go) -> None:
    go("/clients?q=green")
    console.click("tbody a")
    console.click("#edit")
    console.fill("#client_name", "Green Garden")
    console.click("#change")
    expect(console.locator("h1")).to_contain_text("Green Garden")
    console.click("#secret")
    console.select_option("#overlap", "1h")
    console.click("#rotate")
    assert len(console.input_value("#client_secret")) >= 32
    console.click("#done")
    console.click("#doctor")
    expect(console.locator("#examine")).to_be_visible()
    console.click("text=Back")
    console.click("#access")
    console.click("#change")
    expect(console.locator("[role=status]")).to_contain_text("The client is disabled")


@visits("client_new")
def test_a_client_is_registered_by_its_kind_with_what_to_paste(console: Page, go: Go) -> None:
    go("/clients/new")
    console.click("a[href$='for=flask']")
    console.fill("#base_url", "https://shop.test")
    console.fill("#client_id", "shop")
    console.click("#register")

    assert len(console.input_value("#client_secret")) >= 32
    expect(console.locator("[aria-labelledby=configuration]")).to_contain_text("shop")


@visits("incident", "incident_confirm", "bulk_logout", "bulk_logout_progress")
def test_everybody_is_signed_out_of_one_app_and_the_work_is_paused(console: Page, go: Go) -> None:
    go("/incident")
    console.fill("#client", "plain")
    console.click("#ask-client")
    console.fill("#typed", "plain")
    console.click("#begin")
    console.clock.install()
    console.click("#stop")
    expect(console.locator("#resume")).to_be_visible()
    with transaction():
        running = select(BulkLogout).where(BulkLogout.kind == BulkKind.CLIENT)
        db.session.scalars(running).one().finished_at = clock.now()
    look_again(console, "/progress")
    expect(console.locator("#resume")).to_be_hidden()

    go("/incident")
    expect(console.locator("[aria-labelledby=bulk] tbody tr").first).to_contain_text("Plain Wiki")


@visits("keys", "keys_change", "audit", "audit_verify", "audit_export", "settings", "admin_api.docs")
def test_keys_rotate_and_the_audit_knows_who_did_it(console: Page, go: Go) -> None:
    go("/keys")
    console.click("#change")
    console.click("#rotate")
    expect(console.locator("[role=status]")).to_contain_text("Successors are published")
    go("/audit?by=cleo&tag=key_created")
    expect(console.locator("tbody tr").first).to_contain_text("console")
    assert [download(console, one)[0] for one in ("#export", "#export-csv", "#export-ocsf")] == [
        "{",
        "i",
        "{",
    ]
    console.click("#verify")
    expect(console.locator("h1")).to_have_text("The chain holds")
    go("/settings?q=anchor")
    expect(console.locator("table.settings")).to_contain_text("CURFEW_AUDIT_ANCHORS")
    console.click("details.me summary")
    console.click("text=Admin API")

    expect(console.locator("body")).to_contain_text("/audit-anchors")
