"""Signing out in headless Chromium: from another site, with the back button, and in words (THR-13)."""

import html
import re
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.flows.test_browser_stories import (
    is_signed_in,
    sign_in,
    sign_in_silently,
)
from tests.support.chromium import new_window
from tests.support.demo import RunningDemo

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.xdist_group("demo")]
OtherSite = Callable[..., str]


@pytest.fixture
def other_site() -> Iterator[OtherSite]:
    """A site under another name than the provider's, whose page posts a form there."""
    shown = {"html": ""}

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = shown["html"].encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()

    def post_to(address: str, **fields: str) -> str:
        inputs = "".join(
            f'<input type="hidden" name="{name}" value="{html.escape(value)}">'
            for name, value in fields.items()
        )
        shown["html"] = (
            f'<title>Elsewhere</title><form method="post" action="{address}">{inputs}'
            '<button id="go">Go</button></form>'
        )
        # Not `localhost`, and so another site than the provider's (SameSite counts names, not machines).
        return f"http://127.0.0.1:{server.server_port}/"

    yield post_to
    server.shutdown()
    thread.join()
    server.server_close()


def hint_that_red_sends(page: Page, demo: RunningDemo) -> str:
    """The ID Token that red sends along when Ada signs out there; the redirect is not followed."""
    sent_on = page.request.post(f"{demo.apps['red']}/logout", max_redirects=0)
    return parse_qs(urlsplit(sent_on.headers["location"]).query)["id_token_hint"][0]


@pytest.mark.spec("THR-13")
def test_a_post_from_another_site_sees_the_session_and_asks(page, demo, other_site):
    sign_in(page, demo)
    out = f"{demo.apps['red']}/signed-out"

    page.goto(
        other_site(
            f"{demo.issuer}/session/end", client_id="red", post_logout_redirect_uri=out, state="from afar"
        )
    )
    page.click("#go")

    expect(page).to_have_url(re.compile("/session/end/confirm"))
    expect(page.locator("main")).to_contain_text("Ada Lovelace")
    assert is_signed_in(page, demo, "red")
    page.goto(page.url)
    page.click("#sign-out")
    expect(page).to_have_url(f"{out}?state=from%20afar")
    page.goto(f"{demo.issuer}/account")
    expect(page.locator("#password")).to_be_visible()


@pytest.mark.spec("THR-13")
def test_a_post_from_another_site_with_the_sessions_own_hint_signs_out_at_once(demo, chromium, other_site):
    with new_window(chromium) as context:
        page = context.new_page()
        sign_in(page, demo)
        sign_in_silently(page, demo, "green")
        hint = hint_that_red_sends(page, demo)
        page.goto(f"{demo.issuer}/account")
        expect(page.locator("#account")).to_be_visible()

        page.goto(
            other_site(
                f"{demo.issuer}/session/end",
                id_token_hint=hint,
                post_logout_redirect_uri=f"{demo.apps['red']}/signed-out",
            )
        )
        page.click("#go")

        expect(page).to_have_url(re.compile(re.escape(demo.apps["red"]) + "/signed-out"))
        page.goto(demo.apps["green"])
        expect(page.locator("#sign-in")).to_be_visible()


def test_a_forged_confirmation_from_another_site_ends_nothing(page, demo, other_site):
    """The other site has even read the ticket over her shoulder; what it cannot have is the form's token."""
    sign_in(page, demo)
    page.goto(f"{demo.issuer}/session/end")
    ticket = parse_qs(urlsplit(page.url).query)["ticket"][0]

    page.goto(other_site(f"{demo.issuer}/session/end/confirm", ticket=ticket, logout="true", csrf="x" * 43))
    page.click("#go")

    expect(page.locator("#error-heading")).to_be_visible()
    page.goto(f"{demo.issuer}/account")
    expect(page.locator("#account")).to_be_visible()


def test_the_page_says_before_it_happens_what_will_end(page, demo):
    sign_in(page, demo)
    sign_in_silently(page, demo, "green")

    page.goto(f"{demo.issuer}/session/end?client_id=red")

    main = page.locator("main")
    for words in ("Ada Lovelace", "Red", "Green"):
        expect(main).to_contain_text(words)
    for button in ("#sign-out", "#sign-out-this-app", "#sign-out-everywhere", "#cancel"):
        expect(page.locator(button)).to_be_visible()
    page.click("#sign-out-everywhere")
    expect(page.locator("#sign-out-everywhere-confirm")).to_be_visible()
    assert is_signed_in(page, demo, "green")


def test_only_this_app_leaves_the_other_signed_in(page, demo):
    sign_in(page, demo)
    sign_in_silently(page, demo, "green")

    page.goto(f"{demo.issuer}/session/end?client_id=red")
    page.click("#sign-out-this-app")

    expect(page.locator("#signed-out")).to_be_visible()
    page.goto(demo.apps["red"])
    expect(page.locator("#sign-in")).to_be_visible()
    assert is_signed_in(page, demo, "green")


def test_the_back_button_shows_nothing_private(page, demo):
    """Issue 3, item 10: neither from the history nor from a frozen page."""
    sign_in(page, demo)
    page.goto(f"{demo.issuer}/account")
    expect(page.locator("main")).to_contain_text("Ada Lovelace")
    page.goto(f"{demo.issuer}/session/end")
    page.click("#sign-out")
    expect(page.locator("#signed-out")).to_be_visible()

    for _ in range(3):
        page.go_back()
        expect(page.locator("body")).to_be_visible()
        if page.url.startswith(demo.issuer):
            expect(page.locator("body")).not_to_contain_text("Ada Lovelace")


def test_signing_out_twice_in_two_tabs_is_harmless(context, demo):
    first, second = context.new_page(), context.new_page()
    sign_in(first, demo)
    for tab in (first, second):
        tab.goto(f"{demo.issuer}/session/end")
        expect(tab.locator("#sign-out")).to_be_visible()

    for tab in (first, second):
        tab.click("#sign-out")
        expect(tab.locator("#signed-out")).to_be_visible()
