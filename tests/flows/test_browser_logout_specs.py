"""Front-Channel Logout and Session Management in headless Chromium: a provider and apps on other ports."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from urllib.parse import urlencode

import pytest
from flask import Flask
from playwright.sync_api import Page, expect
from sqlalchemy import select

from provider.clients.models import Client
from provider.config import Settings
from provider.infrastructure.database import db
from provider.protocol.session_state import session_state
from provider.sessions.models import ClientSession
from tests.factories import PASSWORD, make_account
from tests.flows.polling_app import App
from tests.support.chromium import new_window
from tests.support.demo import free_run
from tests.support.serving import serving

# What browsers do does not depend on the database; one kind is enough.
pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser-logout-specs"),
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
]


@dataclass
class Site:
    """The provider with its two apps, and Ada."""

    issuer: str
    red: App
    green: App

    def sign_in(self, page: Page, app: App) -> None:
        page.goto(app.sign_in_address())
        if page.locator("#password").count():
            page.fill("#username", "ada")
            page.fill("#password", PASSWORD)
            page.click("#sign-in")
        expect(page.locator("#said")).to_have_text("unchanged")

    def sign_out(self, page: Page, **asked: str) -> None:
        page.goto(f"{self.issuer}/session/end?{urlencode(asked)}")
        page.click("#sign-out")


@pytest.fixture
def port() -> int:
    """The provider's port; red and green have the next two."""
    return free_run(3)


@pytest.fixture
def issuer(port: int) -> str:
    return f"http://localhost:{port}"


@pytest.fixture
def settings(settings: Settings, issuer: str) -> Settings:
    return replace(settings, issuer=issuer, frontchannel_logout=True, session_management=True)


@pytest.fixture
def site(app: Flask, signing_keys: None, issuer: str, port: int) -> Iterator[Site]:
    make_account("ada")
    with ExitStack() as open_doors:
        open_doors.enter_context(serving(app, port))
        apps = [App("red", port + 1, issuer), App("green", port + 2, issuer)]
        for one in apps:
            one.register()
            open_doors.callback(one.release.set)
            open_doors.enter_context(serving(one.serve(), one.port))
        yield Site(issuer, *apps)


def ask(page: Page, message: object) -> str:
    """Stop the page's own questions, ask one and return the response to it."""
    return page.evaluate(
        """message => new Promise(resolve => {
            window.own = true;
            const askOnceAnswered = () => {
                if (window.awaited > 0) { setTimeout(askOnceAnswered, 5); return; }
                window.addEventListener("message", event => resolve(event.data), { once: true });
                ask(message);
            };
            askOnceAnswered();
        })""",
        message,
    )


@pytest.mark.spec("session 4")
def test_an_app_sees_unchanged_until_the_person_signs_out_in_another_tab(site, page, context):
    site.sign_in(page, site.red)
    site.sign_in(context.new_page(), site.green)
    expect(page.locator("#said")).to_have_text("unchanged")

    other = context.new_page()
    site.sign_out(other)

    expect(page.locator("#said")).to_have_text("changed")


@pytest.mark.spec("session 3")
def test_the_iframe_computes_what_the_provider_computes(site, page, context):
    site.sign_in(page, site.red)
    state = next(cookie["value"] for cookie in context.cookies() if cookie["name"] == "curfew_op_state")
    ids = ["c" * length for length in range(1, 130)] + ["a client with spaces", "~!@#$%^&*()_+"]

    outcomes = {}
    for client_id in ids:
        value = session_state(client_id, site.red.origin, browser_state=state, salt="salt")
        outcomes[client_id] = ask(page, f"{client_id} {value}")

    assert set(outcomes.values()) == {"unchanged"}
    assert ask(page, f"red {'0' * 64}.salt") == "changed"


@pytest.mark.spec("session 3, session 4")
@pytest.mark.parametrize(
    "message",
    [
        pytest.param("", id="nothing"),
        pytest.param("red", id="one word"),
        pytest.param(f"red {'0' * 64}", id="no salt"),
        pytest.param(f" {'0' * 64}.salt", id="no client"),
        pytest.param(f"rêd {'0' * 64}.salt", id="no client_id has such a letter"),
        pytest.param(f"red {'0' * 64}.salt\n", id="a line break"),
        pytest.param({"client_id": "red"}, id="an object"),
        pytest.param(None, id="null"),
    ],
)
def test_a_message_of_another_form_is_an_error(site, page, message):
    site.sign_in(page, site.red)

    assert ask(page, message) == "error"


@pytest.mark.spec("session 4")
@pytest.mark.parametrize(
    ("asks", "answered"),
    [
        pytest.param("red", True, id="a frame of the app itself"),
        pytest.param("green", False, id="a frame of another app in the page"),
    ],
)
def test_only_the_origin_of_the_page_is_answered(site, page, asks, answered):
    site.sign_in(page, site.red)
    page.evaluate(
        """address => new Promise(resolve => {
            const frame = document.createElement("iframe");
            frame.onload = resolve;
            frame.src = address;
            document.body.append(frame);
        })""",
        f"{getattr(site, asks).origin}/stranger",
    )
    frame = next(frame for frame in page.frames if frame.url.endswith("/stranger"))

    frame.evaluate(
        """issuer => {
            window.addEventListener("message", event => { window.heard = event.data; });
            parent.frames[0].postMessage("red", issuer);
        }""",
        site.issuer,
    )

    # The frame's question came first, so the response to ours is the later one.
    assert ask(page, "red") == "error"
    assert frame.evaluate("window.heard") == ("error" if answered else None)


@pytest.mark.spec("frontchannel 3, frontchannel 4")
def test_signing_out_calls_each_app_in_its_frame_and_leads_back(site, page, context):
    site.sign_in(page, site.red)
    site.sign_in(page, site.green)

    site.sign_out(page, client_id="red", post_logout_redirect_uri=f"{site.red.origin}/signed-out")

    expect(page).to_have_url(f"{site.red.origin}/signed-out")
    sids = {"red": site.red.calls, "green": site.green.calls}
    assert all(len(calls) == 1 and calls[0]["iss"] == site.issuer for calls in sids.values())
    client_sessions = db.session.execute(
        select(Client.client_id, ClientSession.sid).join(Client, Client.id == ClientSession.client_id)
    )
    assert {name: calls[0]["sid"] for name, calls in sids.items()} == dict(client_sessions.all())


def test_an_app_that_never_responds_delays_no_sign_out(site, page):
    site.green.hangs = True
    site.sign_in(page, site.red)
    site.sign_in(page, site.green)

    site.sign_out(page)

    expect(page).to_have_url(re.compile(r"/session/ended/[\w-]+$"))
    assert not site.green.release.is_set()
    assert len(site.green.calls) == 1


def test_without_javascript_the_apps_are_called_and_the_way_leads_on(site, page, chromium):
    site.sign_in(page, site.red)
    plain = new_window(chromium, java_script_enabled=False, storage_state=page.context.storage_state())
    reader = plain.new_page()

    site.sign_out(reader, client_id="red", post_logout_redirect_uri=f"{site.red.origin}/signed-out")

    expect(reader.locator("#signed-out")).to_be_visible()
    expect(reader).to_have_url(f"{site.red.origin}/signed-out")
    assert len(site.red.calls) == 1
    plain.close()
