"""axe-core finds nothing wrong on the pages of the console and of the account, in both themes.

Each fits a phone, too: nothing but a list of its own scrolls to the side.
"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from provider.console import GROUP as CONSOLE
from provider.infrastructure import current
from provider.pages import GROUP as PAGES
from provider.web.route import Speaks
from tests.console.conftest import Day
from tests.console.test_every_page import OPEN, path_of, variables
from tests.factories import PASSWORD
from tests.support.accessibility import AXE, Auditor
from tests.support.chromium import new_window, shows

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("console-accessibility")]
WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 360, "height": 740}
WIDTH = "document.documentElement.scrollWidth"


@pytest.fixture(scope="module")
def auditor() -> Auditor:
    """Remembers what it has measured for all tests of this file."""
    return Auditor()


@pytest.fixture
def page(chromium: Browser, served: Day) -> Iterator[Page]:
    context = new_window(chromium, viewport=WIDE)
    context.add_init_script(AXE)
    yield context.new_page()
    context.close()


def sign_in(page: Page, path: str, username: str) -> None:
    page.goto(current.settings().issuer + path)
    page.fill("#username", username)
    page.fill("#password", PASSWORD)
    page.click("#sign-in")
    expect(page.locator("h1")).not_to_have_text("Sign in")


def problems(auditor: Auditor, page: Page, paths: list[str]) -> list[str]:
    """Return the findings on these pages, leaving out anything that is not a page, such as a file to keep."""
    found = []
    for path in paths:
        if not shows(page, current.settings().issuer + path):
            continue
        found += [f"{path}: {problem}" for problem in auditor.problems(page)]
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
def test_pages_of_the_console_keep_no_one_out(page: Page, auditor: Auditor, served: Day, third: int) -> None:
    sign_in(page, "/admin", "cleo")

    paths = [*paths_of(CONSOLE, variables()), "/api/admin/v1/docs"]
    assert problems(auditor, page, paths[third::3]) == []


def test_pages_of_people_keep_no_one_out(page: Page, auditor: Auditor, served: Day) -> None:
    signed_out = problems(auditor, page, ["/sign-in", "/account", "/session/end"])
    sign_in(page, "/account", "ada")

    assert signed_out + problems(auditor, page, [*paths_of(PAGES, {}), "/session/end"]) == []
    # A page that does keep someone out is found, and one that is too wide.
    page.evaluate("document.documentElement.removeAttribute('lang'); document.body.style.minWidth = '400px'")
    page.set_viewport_size(PHONE)
    assert page.evaluate(WIDTH) >= 400
    assert [problem.partition(":")[0] for problem in auditor.problems(page)] == ["html-has-lang"]
