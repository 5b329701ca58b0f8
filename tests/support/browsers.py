"""The parts of a browser that tests need: a session's cookie, forms, and our own redirects."""

import re
from urllib.parse import parse_qs, urlsplit

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from provider.clients.models import Client
from provider.grants.models import Grant
from provider.infrastructure import clock
from provider.infrastructure.database import transaction
from provider.keys.jwt import sign
from tests.factories import SignedIn
from tests.support import signing_keys
from tests.support.forms import FormReader

ISSUER = "http://localhost:8900"


def show_session(browser: FlaskClient, made: SignedIn) -> FlaskClient:
    """Have a browser hold the cookie of a session."""
    browser.set_cookie("curfew_session", made.handle)
    return browser


def id_token_of(client: Client, grant: Grant, **changes: object) -> str:
    """An ID Token as the token endpoint makes it; `changes` make it a wrong one (None takes a claim away)."""
    with transaction():
        signing_keys.provide()
    now = int(clock.now().timestamp())
    claims = {
        "iss": ISSUER,
        "sub": grant.sub,
        "aud": client.client_id,
        "iat": now,
        "exp": now + 3600,
        "sid": grant.sid,
    } | {name: value for name, value in changes.items() if name not in ("typ", "alg")}
    claims = {name: value for name, value in claims.items() if value is not None}
    return sign(claims, typ=str(changes.get("typ", "JWT")), alg=str(changes.get("alg", "RS256")))


def shows(html: str, word: str) -> bool:
    """Return whether a page shows a word to its reader; a token in an attribute may hold it by chance."""
    return re.search(rf">[^<]*\b{re.escape(word)}\b", html) is not None


class Page:
    """A page with a form, as a person has it in front of them."""

    def __init__(self, browser: FlaskClient, response: TestResponse) -> None:
        self.browser = browser
        self.response = response
        self.html = response.get_data(as_text=True)
        self._form = FormReader()
        self._form.feed(self.html)

    @property
    def buttons(self) -> set[str]:
        return set(self._form.buttons)

    @property
    def form_buttons(self) -> dict[str, tuple[str, str]]:
        """The buttons by their ids: the name and the value that each of them sends."""
        return self._form.buttons

    @property
    def fields(self) -> dict[str, str]:
        return self._form.fields

    def press(self, button: str, **typed: str) -> TestResponse:
        """Fill in what is typed and press a button, by its id."""
        name, value = self._form.buttons[button]
        data = self.fields | typed | ({name: value} if name else {})
        return self.browser.post(self.action, data=data)

    @property
    def action(self) -> str:
        """Return the address that the form is sent to."""
        return self._form.action or self.response.request.full_path


def follow(browser: FlaskClient, response: TestResponse) -> TestResponse:
    """Follow redirects as long as they stay with the provider; at most five (ABU-81)."""
    for _ in range(5):
        target = response.headers.get("Location", "")
        parts = urlsplit(target)
        is_ours = (parts.scheme, parts.netloc) in (("", ""), ("http", "localhost:8900"))
        if response.status_code != 303 or not is_ours:
            return response
        response = browser.get(target)
    raise AssertionError("redirected in circles")


def query_of(response: TestResponse) -> dict[str, str]:
    """The query parameters of where a response leads."""
    return {
        name: values[0] for name, values in parse_qs(urlsplit(response.headers["Location"]).query).items()
    }
