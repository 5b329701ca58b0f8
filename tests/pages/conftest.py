"""A red app that waits for somebody to sign in, as the authorization endpoint parks it."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from provider.clients.models import Client
from provider.infrastructure.database import transaction
from provider.infrastructure.opaque_tokens import digest_of, new_handle
from provider.interactions.lifecycle import park
from provider.interactions.models import InteractionKind
from tests.factories import make_client

Park = Callable[..., str]


@pytest.fixture
def red(app) -> Client:
    return make_client("red", client_name="Red <Notes>")


@pytest.fixture
def parked(red: Client) -> Park:
    """Parks an authorization request of red's (or another client's) in a browser; returns its handle."""

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
        with transaction():
            return park(
                InteractionKind.AUTHORIZATION,
                asked | parameters,
                browser=binding,
                answers=answers,
            )

    return make
