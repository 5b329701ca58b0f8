"""Sign-in, single sign-on and sign-out in headless Chromium, against the running demo."""

import re

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.support.chromium import new_window
from tests.support.demo import RunningDemo

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.xdist_group("demo")]


def sign_in(page: Page, demo: RunningDemo, app: str = "red") -> None:
    page.goto(demo.apps[app])
    page.click("#sign-in")
    page.fill("#username", "ada")
    page.fill("#password", demo.password)
    page.click("#sign-in")
    expect_signed_in(page, demo, app)


def expect_signed_in(page: Page, demo: RunningDemo, app: str) -> None:
    expect(page).to_have_url(f"{demo.apps[app]}/")
    expect(page.locator("#you")).to_have_text("Ada Lovelace")


def sign_in_silently(page: Page, demo: RunningDemo, app: str) -> None:
    page.goto(demo.apps[app])
    page.click("#sign-in")
    expect_signed_in(page, demo, app)


def is_signed_in(page: Page, demo: RunningDemo, app: str) -> bool:
    return page.request.get(f"{demo.apps[app]}/api/state").json()["signed_in"]


def test_a_wrong_password_is_one_calm_sentence_and_another_try(page, demo):
    page.goto(demo.apps["red"])
    page.click("#sign-in")
    page.fill("#username", "ada")
    page.fill("#password", "not her password at all")
    page.press("#password", "Enter")

    expect(page.locator("#notice")).to_be_visible()
    expect(page.locator("#username")).to_have_value("ada")

    page.fill("#password", demo.password)
    page.press("#password", "Enter")
    expect_signed_in(page, demo, "red")


def test_the_second_app_asks_for_nothing(page, demo):
    sign_in(page, demo)

    sign_in_silently(page, demo, "green")
    sign_in_silently(page, demo, "blue")


@pytest.mark.spec("backchannel OP 8")
def test_one_sign_out_ends_every_app(page, demo):
    sign_in(page, demo)
    sign_in_silently(page, demo, "green")
    sign_in_silently(page, demo, "blue")

    page.goto(demo.apps["red"])
    page.click("#sign-out")

    expect(page).to_have_url(re.compile(re.escape(demo.apps["red"]) + "/signed-out"))
    for app in ("red", "green", "blue"):
        page.goto(demo.apps[app])
        expect(page.locator("#sign-in")).to_be_visible()
    expect(page.locator("#ending")).to_contain_text("Logout Token")
    page.click("#sign-in")
    expect(page.locator("#password")).to_be_visible()


@pytest.mark.spec("rpinitiated 3, rpinitiated 4, rpinitiated 5")
def test_without_a_hint_the_person_is_asked_and_may_stay(page, demo):
    sign_in(page, demo)

    page.goto(f"{demo.issuer}/session/end")
    expect(page).to_have_url(re.compile("/session/end/confirm"))
    page.click("#cancel")

    assert is_signed_in(page, demo, "red")
    sign_in_silently(page, demo, "green")


def test_the_confirmed_sign_out_shows_each_app_being_notified(page, demo):
    sign_in(page, demo)
    sign_in_silently(page, demo, "green")

    page.goto(f"{demo.issuer}/session/end")
    page.click("#sign-out")

    expect(page).to_have_url(re.compile("/session/ended/"))
    expect(page.locator("#signed-out")).to_be_visible()
    expect(page.locator("main")).to_contain_text("Red")
    expect(page.locator("main")).to_contain_text("Green")
    page.goto(demo.apps["green"])
    expect(page.locator("#sign-in")).to_be_visible()


def test_sign_out_everywhere_asks_twice_and_reaches_another_browser(page, demo, chromium):
    elsewhere = new_window(chromium)
    other = elsewhere.new_page()
    sign_in(other, demo, "blue")
    sign_in(page, demo)

    page.goto(f"{demo.issuer}/session/end")
    page.click("#sign-out-everywhere")
    page.click("#sign-out-everywhere-confirm")

    expect(page.locator("#signed-out")).to_be_visible()
    # The app's page notices it, and reloads itself.
    expect(other.locator("#sign-in")).to_be_visible()
    elsewhere.close()


def test_consent_can_be_denied_and_given(page, demo):
    sign_in(page, demo)

    page.goto(f"{demo.apps['green']}/login?prompt=consent&scope=openid%20offline_access")
    page.click("#deny")
    expect(page.locator("#title")).to_be_visible()
    assert not is_signed_in(page, demo, "green")

    page.goto(f"{demo.apps['green']}/login?prompt=consent&scope=openid%20offline_access")
    page.click("#allow")
    expect(page).to_have_url(f"{demo.apps['green']}/")
    assert page.request.get(f"{demo.apps['green']}/api/state").json()["has_refresh_token"]


def test_everything_works_without_javascript(chromium, demo):
    plain: BrowserContext = new_window(chromium, java_script_enabled=False)
    page = plain.new_page()

    sign_in(page, demo)
    sign_in_silently(page, demo, "green")
    page.click("#sign-out")

    expect(page).to_have_url(re.compile("/signed-out"))
    assert not is_signed_in(page, demo, "red")
    plain.close()


@pytest.mark.parametrize(
    "size", [pytest.param((390, 844), id="a phone"), pytest.param((1280, 800), id="a desk")]
)
def test_pages_fit_the_screen(chromium, demo, size):
    width, height = size
    with new_window(chromium, viewport={"width": width, "height": height}) as narrow:
        page = narrow.new_page()
        page.goto(demo.apps["red"])
        page.click("#sign-in")
        expect(page.locator("#password")).to_be_visible()

        assert page.evaluate("document.documentElement.scrollWidth") <= width
