"""The built documentation in a browser: every page from its own host, on a narrow screen too."""

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec

import pytest

from docs.build_site import build

pytestmark = pytest.mark.skipif(
    find_spec("zensical") is None, reason="Zensical is not installed; `make docs` installs it"
)
PAGES = ("", "start/first-app/", "sign-out/at-once/", "operate/upgrading/", "reference/settings/")


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Leave the test's output alone."""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    build(folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder / "site")))
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    serving.join()
    server.server_close()


@pytest.fixture
def seen(page, site):
    """Collect fetches from other hosts and the errors that the browser reported."""
    found = []
    page.on("request", lambda request: found.append(request.url) if not is_own(request.url, site) else None)
    page.on("console", lambda message: found.append(message.text) if message.type == "error" else None)
    return found


def is_own(url: str, site: str) -> bool:
    return url.startswith((site, "data:", f"blob:{site}"))


@pytest.mark.browser
def test_pages_are_whole_without_other_hosts(page, site, seen):
    page.set_viewport_size({"width": 360, "height": 800})

    for path in PAGES:
        page.goto(site + path)

        assert page.locator("article h1").is_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
    assert seen == []


@pytest.mark.browser
def test_the_search_finds_a_page(page, site, seen):
    page.goto(site)
    page.keyboard.press("Control+k")
    page.keyboard.type("kiosk")

    page.locator("a[href*='shared-devices']").filter(has_text="Shared devices").last.wait_for()
    assert seen == []
