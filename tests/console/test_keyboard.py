"""The console by keyboard alone: a whole job, where the focus is after each act, and that it is seen."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from provider.console import GROUP as CONSOLE
from provider.infrastructure import current
from provider.web.route import Speaks
from tests.console.conftest import Day
from tests.console.test_every_page import OPEN, path_of, variables
from tests.factories import PASSWORD, make_session
from tests.support.chromium import shows

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("console-keyboard")]

# More stops than any of these pages has before what is looked for.
MOST_STOPS = 200
# What has the focus: whether a ring of at least two pixels is seen around it, with a contrast of 3 to 1 to
# what is behind it (WCAG 2.2, 1.4.11), and whether the bar at the top covers it (2.4.11).
FOCUSED = """() => {
  const rgb = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const channel = (v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const one = document.activeElement;
  if (!one || one === document.body) { return null; }
  let behind = one.parentElement;
  const ground = (at) => rgb(getComputedStyle(at).backgroundColor);
  while (behind && (ground(behind)[3] ?? 1) === 0) { behind = behind.parentElement; }
  const style = getComputedStyle(one);
  const lights = [light(rgb(style.outlineColor)), light(ground(behind || document.body))];
  const box = one.getBoundingClientRect();
  const bar = document.querySelector("header.bar");
  return {
    kind: one.tagName.toLowerCase() + (one.tagName === "INPUT" ? "." + one.type : ""),
    name: (one.innerText || one.name || one.id || "").trim().slice(0, 40),
    ring: style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth),
    contrast: (Math.max(...lights) + 0.05) / (Math.min(...lights) + 0.05),
    covered: !!bar && !bar.contains(one) && !one.classList.contains("skip")
      && box.bottom <= bar.getBoundingClientRect().bottom,
    outside: box.bottom <= 0 || box.top >= innerHeight || box.width === 0,
  };
}"""

# The same, once more of all that has had the focus. What a script focuses after a key was pressed has a ring
# as if the key had done it.
NOTED = f"() => {{ (window.stops ??= []).push(document.activeElement); return ({FOCUSED})() }}"
FOCUSED_AGAIN = f"count => stops.slice(0, count).map(one => {{ one.focus(); return ({FOCUSED})() }})"


@pytest.fixture(params=["light", "dark"])
def page(chromium: Browser, served: Day, request: pytest.FixtureRequest) -> Iterator[Page]:
    """Cleo's browser, in which she has signed in without a mouse."""
    context = chromium.new_context(color_scheme=request.param, viewport={"width": 1280, "height": 700})
    context.set_default_timeout(20_000)
    page = context.new_page()
    page.goto(f"{current.settings().issuer}/admin")
    expect(page.locator("#username")).to_be_focused()
    page.keyboard.type("cleo")
    go_to(page, "#password")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Overview")
    yield page
    context.close()


def problem(page: Page) -> str | None:
    """Return the faults in how the focus is shown."""
    seen = page.evaluate(FOCUSED)
    return seen and problem_of(seen)


def problem_of(seen: dict[str, Any]) -> str | None:
    where = f"{seen['kind']} {seen['name']!r}"
    if seen["ring"] < 2 or seen["contrast"] < 3:
        return f"{where}: a ring of {seen['ring']} px with a contrast of {seen['contrast']:.1f}"
    if seen["covered"] or seen["outside"]:
        return f"{where}: cannot be seen"
    return None


def go_to(page: Page, selector: str, *, key: str = "Tab") -> None:
    """Press Tab until this has the focus; each stop on the way is to be seen."""
    wanted = page.locator(selector).first
    expect(wanted).to_be_attached()
    for _ in range(MOST_STOPS):
        page.keyboard.press(key)
        assert (found := problem(page)) is None, found
        if wanted.evaluate("one => one === document.activeElement"):
            return
    raise AssertionError(f"{selector} is not reached by the keyboard")


def test_a_person_is_found_and_signed_out_by_keyboard_alone(page: Page, served: Day) -> None:
    ben = served.people["ben"]
    kept, ended = make_session(ben), make_session(ben)

    go_to(page, "nav a[href$='/admin/people']")
    page.keyboard.press("Enter")
    go_to(page, "#q")
    page.keyboard.type("ben")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{current.settings().issuer}/admin/people?q=ben")
    go_to(page, f"table a[href$='{ben.id}']")
    page.keyboard.press("Enter")
    go_to(page, f"input[value='{ended.session.id}']")
    page.keyboard.press("Space")
    go_to(page, "#end-chosen")
    page.keyboard.press("Enter")
    # What would happen is asked on a page of its own, and can be left without having done it.
    expect(page.locator("h1")).to_contain_text("End")
    go_to(page, "#end")
    go_to(page, "main .actions a")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("ben")
    go_to(page, f"input[value='{ended.session.id}']")
    page.keyboard.press("Space")
    go_to(page, "#end-chosen")
    page.keyboard.press("Enter")
    go_to(page, "#end")
    page.keyboard.press("Enter")

    done = page.locator("main [role=status]")
    expect(done).to_contain_text("ended")
    # It goes on where the page says what was done.
    expect(done).to_be_focused()
    assert (found := problem(page)) is None, found
    expect(page.locator(f"#session-{ended.session.id}")).to_have_count(0)
    expect(page.locator(f"#session-{kept.session.id}")).to_be_visible()
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")


def test_escape_closes_the_menu_and_gives_the_focus_back(page: Page, served: Day) -> None:
    go_to(page, "details.me summary")
    page.keyboard.press("Enter")
    expect(page.locator("#sign-out")).to_be_visible()
    go_to(page, "#sign-out")

    page.keyboard.press("Escape")

    expect(page.locator("#sign-out")).not_to_be_visible()
    expect(page.locator("details.me summary")).to_be_focused()
    # It is closed for good: the next stop is the navigation.
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('nav').contains(document.activeElement)")


def test_a_mistake_is_read_first(page: Page, served: Day) -> None:
    page.goto(f"{current.settings().issuer}/admin/audit")
    go_to(page, "#user")
    page.keyboard.type("no-such-person")
    page.keyboard.press("Enter")

    expect(page.locator("main .notice.bad[tabindex]")).to_be_focused()
    expect(page.locator("#user")).to_have_value("no-such-person")


@pytest.mark.parametrize("page", ["light"], indirect=True)
def test_whatever_has_the_focus_is_seen(page: Page, served: Day) -> None:
    """On every page of the console, forwards and some steps back, and not behind the bar at the top.

    A theme changes colours, not what the keys do: in the dark one a script goes the same way.
    """
    # A part that looks again by itself would replace what has had the focus.
    page.add_init_script("window.fetch = () => new Promise(() => {})")
    routes = [one for one in CONSOLE.routes if "GET" in one.methods and one.speaks is Speaks.PAGE]
    kinds, problems = set(), []
    for path in (path_of(one, variables()) for one in routes if one.name not in OPEN):
        if not shows(page, current.settings().issuer + path):
            continue
        # Over the navigation, which is the same everywhere.
        page.locator("#content").focus()
        stops: list[dict[str, Any]] = []
        for key in ["Tab"] * 20 + ["Shift+Tab"] * 6:
            page.keyboard.press(key)
            seen = page.evaluate(NOTED)
            if seen is None:
                break
            stops.append(seen)
        page.emulate_media(color_scheme="dark")
        in_the_dark = page.evaluate(FOCUSED_AGAIN, len(stops))
        page.emulate_media(color_scheme="light")

        names = [(seen["kind"], seen["name"]) for seen in stops]
        assert [(seen["kind"], seen["name"]) for seen in in_the_dark] == names
        kinds |= {seen["kind"] for seen in stops}
        found = {problem_of(seen) for seen in stops + in_the_dark} - {None}
        problems += [f"{path}: {one}" for one in found]

    assert problems == []
    assert kinds >= {"a", "button", "select", "summary", "textarea", "div"}
    assert kinds >= {"input.checkbox", "input.search", "input.text", "input.datetime-local"}


def test_a_ring_that_is_taken_away_is_found(page: Page, served: Day) -> None:
    page.evaluate("document.querySelector('details.me summary').style.outline = 'none'")

    with pytest.raises(AssertionError, match="a ring of 0 px"):
        go_to(page, "#sign-out")
