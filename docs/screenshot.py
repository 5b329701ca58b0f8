"""Take the picture of the README from a running demo: `make screenshot`.

Two pages beside each other: the question before a sign-out, and its result while one app does not answer.
"""

import base64
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.support.chromium import QUIET
from tests.support.demo import RunningDemo

TARGET = Path(__file__).with_name("screenshot.png")
WIDTH, HEIGHT = 560, 900
APPS = ("red", "green", "blue")
FRAME = """
<body style="margin:0;background:#d8dee6;display:flex;gap:20px;padding:20px">
  {}
</body>
"""
PICTURE = (
    '<img src="data:image/png;base64,{}" width="560" height="900" '
    'style="border-radius:10px;box-shadow:0 4px 14px rgb(0 0 0/.25)">'
)


def main() -> None:
    """Run the demo, play a sign-out, write the picture."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        sys.exit("Chromium is not installed")
    demo = RunningDemo(Path(tempfile.mkdtemp(prefix="curfew-screenshot-")))
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=path, args=QUIET)
            side_by_side(browser, take(browser, demo))
            browser.close()
    finally:
        demo.stop()


def take(browser: Browser, demo: RunningDemo) -> list[str]:
    """Return both pictures, base64."""
    context = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT}, timezone_id="UTC")
    page = context.new_page()
    for app in APPS:
        sign_in(page, demo, app)
    page.request.post(f"{demo.apps['blue']}/api/behaviour", data={"mode": "failing"})
    page.goto(f"{demo.issuer}/session/end")
    page.wait_for_selector("#sign-out")
    asked = picture_of(page)
    page.click("#sign-out")
    page.wait_for_selector("#apps li[data-state=notified] >> nth=1")
    return [asked, picture_of(page)]


def sign_in(page: Page, demo: RunningDemo, app: str) -> None:
    """Sign Ada in at an app, with her password where it is asked for."""
    page.goto(demo.apps[app])
    page.click("#sign-in")
    if page.locator("#username").count():
        page.fill("#username", "ada")
        page.fill("#password", demo.password)
        page.click("#sign-in")
    page.wait_for_url(f"{demo.apps[app]}/")


def picture_of(page: Page) -> str:
    """Return what is seen of a page, base64."""
    return base64.b64encode(page.screenshot(animations="disabled")).decode()


def side_by_side(browser: Browser, pictures: list[str]) -> None:
    """Write both into one file."""
    page = browser.new_page(viewport={"width": 2 * WIDTH + 60, "height": HEIGHT + 40})
    page.set_content(FRAME.format("\n".join(PICTURE.format(one) for one in pictures)))
    page.screenshot(path=str(TARGET))


if __name__ == "__main__":
    main()
