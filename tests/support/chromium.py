"""Headless Chromium, one for all tests of a process: Playwright cannot be started in it twice.

`tests/conftest.py` makes these fixtures known everywhere.
"""

import os
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.waiting import PATIENCE

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

# The same engine without the browser around it, which takes half the CPU, comes first.
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser")
QUIET = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    # To start a process for each site takes an eighth of a browser test's CPU. What a site may see of another
    # one does not depend on it.
    "--disable-site-isolation-trials",
    "--renderer-process-limit=1",
    # A page of a test lives for a second: to optimise its scripts takes longer than they do without. With
    # axe-core, which comes anew with every page, it is a third of a browser's CPU.
    "--js-flags=--no-opt,--no-maglev",
]


@pytest.fixture(scope="session")
def chromium() -> "Iterator[Browser]":
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip("Chromium is not installed, so the stories in a browser did not run")
    # Most tests need no browser, and importing it takes its time.
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE * 1000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=QUIET)
        yield browser
        browser.close()


def new_window(chromium: "Browser", **options: Any) -> "BrowserContext":
    """Open a browser window of its own, which waits for a page as patiently as tests wait for anything."""
    window = chromium.new_context(**options)
    window.set_default_timeout(PATIENCE * 1000)
    return window


def shows(page: "Page", address: str) -> bool:
    """Open an address in a tab; return whether it is a page, not a file to keep or a part of a page."""
    from playwright.sync_api import Error

    try:
        response = page.goto(address)
    except Error as exc:
        if "Download is starting" in exc.message:
            return False
        raise
    return response is not None and "<html" in response.text()


@pytest.fixture(scope="session")
def kept_context(chromium: "Browser") -> "Iterator[BrowserContext]":
    """A browser window that stays open: to open one costs a second of CPU, to open a tab in it a tenth."""
    kept = new_window(chromium)
    kept.new_page()
    yield kept
    kept.close()


@pytest.fixture
def context(kept_context: "BrowserContext") -> "Iterator[BrowserContext]":
    """A browser in which nothing has been visited."""
    yield kept_context
    forget(kept_context)


def forget(context: "BrowserContext") -> None:
    """Close all tabs of a window but the first, and delete everything that sites have left."""
    first, *others = context.pages
    for page in others:
        page.close()
    context.clear_cookies()
    devtools = context.new_cdp_session(first)
    devtools.send("Network.clearBrowserCache")
    devtools.send("Storage.clearDataForOrigin", {"origin": "*", "storageTypes": "all"})
    devtools.detach()


@pytest.fixture
def page(context: "BrowserContext") -> "Page":
    return context.new_page()
