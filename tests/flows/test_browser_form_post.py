"""Form Post Response Mode in headless Chromium: the policy of our page lets its form get to the app."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from urllib.parse import urlencode

import pytest
from flask import Flask, request
from playwright.sync_api import Page, expect

from provider.config import Settings
from tests.factories import PASSWORD, make_account, make_client
from tests.support.chromium import new_window
from tests.support.demo import free_run
from tests.support.relying_party import CHALLENGE
from tests.support.serving import serving

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser-logout-specs"),
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
    pytest.mark.spec("Form Post Response Mode §2"),
]


class Red:
    """An app that takes its responses by POST."""

    def __init__(self, issuer: str, port: int) -> None:
        self.issuer, self.port = issuer, port
        self.responses: list[dict[str, str]] = []

    def register(self) -> None:
        origin = f"http://localhost:{self.port}"
        make_client("red", redirect_uris=[f"{origin}/callback"], post_logout_redirect_uris=None)

    def sign_in_address(self) -> str:
        asked = {
            "client_id": "red",
            "redirect_uri": f"http://localhost:{self.port}/callback",
            "response_type": "code",
            "response_mode": "form_post",
            "scope": "openid",
            "state": '"><b>&',
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
        return f"{self.issuer}/authorize?{urlencode(asked)}"

    def serve(self) -> Flask:
        app = Flask("red")

        @app.post("/callback")
        def callback() -> str:
            self.responses.append(request.form.to_dict())
            return "<!doctype html><p id='welcome'>welcome</p>"

        return app


@pytest.fixture
def port() -> int:
    """The provider's port; the app has the next one."""
    return free_run(2)


@pytest.fixture
def settings(settings: Settings, port: int) -> Settings:
    return replace(settings, issuer=f"http://localhost:{port}")


@pytest.fixture
def red(app: Flask, signing_keys: None, settings: Settings, port: int) -> Iterator[Red]:
    make_account("ada")
    red = Red(settings.issuer, port + 1)
    red.register()
    with ExitStack() as open_doors:
        open_doors.enter_context(serving(app, port))
        open_doors.enter_context(serving(red.serve(), red.port))
        yield red


def sign_in(page: Page, red: Red) -> None:
    page.goto(red.sign_in_address())
    page.fill("#username", "ada")
    page.fill("#password", PASSWORD)
    page.click("#sign-in")


def test_the_response_gets_to_the_app_by_itself(red, page):
    sign_in(page, red)
    expect(page.locator("#welcome")).to_be_visible()

    page.goto(red.sign_in_address())
    expect(page.locator("#welcome")).to_be_visible()

    assert [set(response) for response in red.responses] == [{"code", "state", "iss"}] * 2
    assert {response["state"] for response in red.responses} == {'"><b>&'}


def test_without_javascript_a_button_sends_it(red, chromium):
    context = new_window(chromium, java_script_enabled=False)
    reader = context.new_page()
    sign_in(reader, red)
    expect(reader.locator("h1")).to_have_text("Continue to Red")

    reader.click("#continue")

    expect(reader.locator("#welcome")).to_be_visible()
    assert len(red.responses) == 1
    context.close()
