"""Headless Chromium, one for all tests of a process: Playwright cannot be started in it twice.

`tests/conftest.py` makes these fixtures known everywhere.
"""

import os
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

QUIET = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="session")
def chromium() -> "Iterator[Browser]":
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("Chromium is not installed, so the stories in a browser did not run")
    # Most tests need no browser, and importing it takes its time.
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def context(chromium: "Browser") -> "Iterator[BrowserContext]":
    opened = chromium.new_context()
    # A loaded machine is slow, but nothing takes this long.
    opened.set_default_timeout(20_000)
    yield opened
    opened.close()


@pytest.fixture
def page(context: "BrowserContext") -> "Page":
    return context.new_page()
