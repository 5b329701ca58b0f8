"""What axe-core finds on the pages of the console and of the account, in both themes: nothing.

Each fits a phone, too: nothing but a list of its own scrolls to the side.
"""

from collections.abc import Iterator
from pathlib import Path

import axe_playwright_python
import pytest
from playwright.sync_api import Browser, Page, expect

from provider.console import GROUP as CONSOLE
from provider.infrastructure import current
from provider.pages import GROUP as PAGES
from provider.web.route import Speaks
from tests.console.conftest import Day
from tests.console.test_every_page import OPEN, path_of, variables
from tests.factories import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("console-accessibility")]
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
# Our style sheet is of our own origin, so that nothing has to be loaded again.
QUICK = {"resultTypes": ["violations"], "preload": False}
RULES = QUICK | {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
# The other theme has the same structure and other colours.
COLOURS = QUICK | {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 360, "height": 740}
WIDTH = "document.documentElement.scrollWidth"
FOUND = "options => axe.run(document, options).then(found => found.violations)"


@pytest.fixture
def page(chromium: Browser, served: Day) -> Iterator[Page]:
    context = chromium.new_context(viewport=WIDE, color_scheme="light")
    context.set_default_timeout(20_000)
    yield context.new_page()
    context.close()


def sign_in(page: Page, path: str, username: str) -> None:
    page.goto(current.settings().issuer + path)
    page.fill("#username", username)
    page.fill("#password", PASSWORD)
    page.click("#sign-in")
    expect(page.locator("h1")).not_to_have_text("Sign in")


def problems(page: Page, paths: list[str]) -> list[str]:
    """What is wrong on these pages; what is no page, such as a file to keep, is left out."""
    found = []
    for path in paths:
        address = current.settings().issuer + path
        if "<html" not in page.request.get(address).text():
            continue
        page.emulate_media(color_scheme="light")
        page.goto(address)
        page.evaluate(AXE)
        violations = page.evaluate(FOUND, RULES)
        page.emulate_media(color_scheme="dark")
        violations += page.evaluate(FOUND, COLOURS)
        found += [f"{path}: {one['id']}: {one['nodes'][0]['html'][:200]}" for one in violations]
        page.set_viewport_size(PHONE)
        if (width := page.evaluate(WIDTH)) > PHONE["width"]:
            found.append(f"{path}: is {width} pixels wide on a phone")
        page.set_viewport_size(WIDE)
    return found


def paths_of(group, values: dict[str, str]) -> list[str]:
    routes = [one for one in group.routes if "GET" in one.methods and one.speaks is Speaks.PAGE]
    return [path_of(one, values) for one in routes if one.name not in OPEN]


# A third of the pages in each, so that a slow machine is slow and nothing else.
@pytest.mark.parametrize("third", range(3))
def test_pages_of_the_console_keep_no_one_out(page: Page, served: Day, third: int) -> None:
    sign_in(page, "/admin", "cleo")

    paths = [*paths_of(CONSOLE, variables()), "/api/admin/v1/docs"]
    assert problems(page, paths[third::3]) == []


def test_pages_of_people_keep_no_one_out(page: Page, served: Day) -> None:
    signed_out = problems(page, ["/sign-in", "/account", "/session/end"])
    sign_in(page, "/account", "ada")

    assert signed_out + problems(page, [*paths_of(PAGES, {}), "/session/end"]) == []
    # A page that does keep someone out is found, and one that is too wide.
    page.evaluate("document.documentElement.removeAttribute('lang'); document.body.style.minWidth = '400px'")
    page.set_viewport_size(PHONE)
    assert page.evaluate(WIDTH) >= 400
    assert [one["id"] for one in page.evaluate(FOUND, RULES)] == ["html-has-lang"]
