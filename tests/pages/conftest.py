"""A red app that waits for a sign-in, and people who guess passwords or know them."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from provider.clients.models import Client
from provider.infrastructure.database import transaction
from provider.infrastructure.opaque_tokens import digest_of, new_handle
from provider.interactions.lifecycle import park
from provider.interactions.models import InteractionKind
from provider.interactions.sealing import seal
from tests.factories import PASSWORD, make_client
from tests.support.browsers import Page

Park = Callable[..., str]
HOME, ELSEWHERE = "192.0.2.1", "198.51.100.7"


@pytest.fixture
def red(app) -> Client:
    return make_client("red", client_name="Red <Notes>")


@pytest.fixture
def kept() -> str:
    """Where a request without a session waits: `stored`, or `sealed` into its address."""
    return "stored"


@pytest.fixture
def parked(red: Client, kept: str) -> Park:
    """Parks an authorization request of red's (or another client's) in a browser; returns its handle.

    For a sealed request that includes the part of the address behind the handle.
    """

    def make(
        browser: FlaskClient,
        client: Client = red,
        *,
        consent_scope: str = "",
        consent_claims: tuple[str, ...] = (),
        **parameters: str,
    ) -> str:
        known = browser.get_cookie("curfew_browser")
        binding = known.value if known else new_handle()
        browser.set_cookie("curfew_browser", binding)
        asked = {
            "client_id": client.client_id,
            "redirect_uri": client.metadata_.redirect_uris[0],
            "response_type": "code",
            "scope": "openid profile",
        }
        session = browser.get_cookie("curfew_session")
        answers: dict[str, object] = {"consent_scope": consent_scope} if consent_scope else {}
        if session and not consent_scope:
            answers["asked_of"] = digest_of(session.value)
        if consent_claims:
            answers["consent_claims"] = list(consent_claims)
        kind = InteractionKind.AUTHORIZATION
        if kept == "sealed" and not answers:
            handle = new_handle()
            sealed = seal(handle, kind, asked | parameters, browser=binding, answers=answers)
            assert sealed, "the request is too long for an address"
            return f"{handle}?sealed={sealed}"
        with transaction():
            return park(
                kind,
                asked | parameters,
                browser=binding,
                answers=answers,
            )

    return make


@pytest.fixture
def limits(app):
    """Sets limits; those that are not named are out of the way."""

    def set_(**limits):
        kinds = ("account", "address", "everywhere", "slow", "browser")
        usual = {f"sign_in_limit_{kind}": "1000 per hour" for kind in kinds}
        named = {f"sign_in_limit_{kind}": f"{count} per hour" for kind, count in limits.items()}
        services = app.extensions["curfew"]
        app.extensions["curfew"] = replace(services, settings=replace(services.settings, **usual | named))

    return set_


@pytest.fixture
def at(browser):
    """Makes browsers in a network."""

    def make(address):
        made = browser()
        made.environ_base["REMOTE_ADDR"] = address
        return made

    return make


@pytest.fixture
def sign_in(parked):
    """Types a name and a password into the sign-in form of a browser."""

    def press(browser, password=PASSWORD, username="ada", **asked):
        page = Page(browser, browser.get(f"/sign-in/{parked(browser, **asked)}"))
        return page.press("sign-in", username=username, password=password)

    return press


@pytest.fixture
def guess(sign_in):
    """Types wrong passwords until one is not looked at any more; returns how many were."""

    def try_(browser, username="ada", most=12):
        for count in range(most):
            if sign_in(browser, password="wrong", username=username).status_code == 429:
                return count
        return most

    return try_


@pytest.fixture
def known(ada, at, sign_in):
    """A browser at Ada's home in which she signed in before, and is signed out now."""
    browser = at(HOME)
    assert sign_in(browser).status_code == 303
    browser.delete_cookie("curfew_session")
    return browser
