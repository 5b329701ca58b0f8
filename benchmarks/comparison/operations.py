"""The measured operations: each is one request, or one flow, of an app or a browser."""

import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count

from benchmarks.comparison.browser import Browser
from benchmarks.comparison.receivers import Receivers
from benchmarks.comparison.relying_party import RelyingParty, Tokens
from benchmarks.comparison.subjects import APPS, PASSWORD, PEOPLE, Subject

AT_ONCE = 8
_NOTIFIED_SECONDS = 60


class Visitor:
    """One of the parallel visitors of a provider, with connections and a session of its own."""

    def __init__(self, subject: Subject, number: int) -> None:
        self._subject = subject
        self._people = count(number)
        self.browser = Browser(subject.metadata.origin)
        self.http = Browser(subject.metadata.origin)
        self.tokens: Tokens = {}
        self._codes: list[tuple[RelyingParty, str, str]] = []

    def begin(self) -> None:
        """Sign in, so that there are a session and tokens."""
        self.tokens = self._sign_in(self.browser, self._subject.app(0))

    def discovery(self) -> None:
        """Read the discovery document."""
        address = f"{self._subject.metadata.origin}/.well-known/openid-configuration"
        assert self.http.request("GET", address).status == 200

    def jwks(self) -> None:
        """Read the keys."""
        assert self.http.request("GET", self._subject.metadata["jwks_uri"]).status == 200

    def sign_in(self) -> None:
        """Sign in from the first request to the tokens, in a browser without cookies."""
        browser = Browser(self._subject.metadata.origin)
        self._sign_in(browser, self._subject.app(0))
        browser.close()

    def authorize(self) -> None:
        """Get a code in the existing session, without any prompt."""
        app, verifier = self._subject.app(secrets.randbelow(APPS)), secrets.token_urlsafe(32)
        self._codes.append((app, app.authorize(self.browser, verifier), verifier))

    def exchange(self) -> None:
        """Exchange one of the codes for tokens."""
        app, code, verifier = self._codes.pop()
        app.exchange(self.http, code, verifier)

    def refresh(self) -> None:
        """Refresh the tokens."""
        self.tokens = self._subject.app(0).refresh(self.http, self.tokens["refresh_token"])

    def userinfo(self) -> None:
        """Ask for the person's claims."""
        self._subject.app(0).userinfo(self.http, self.tokens["access_token"])

    def introspect(self) -> None:
        """Ask whether the access token is active."""
        self._subject.app(0).introspect(self.http, self.tokens["access_token"])

    def close(self) -> None:
        """Close the connections."""
        self.browser.close()
        self.http.close()

    def _sign_in(self, browser: Browser, app: RelyingParty) -> Tokens:
        verifier = secrets.token_urlsafe(32)
        person = f"person-{next(self._people) % PEOPLE}"
        code = app.authorize(browser, verifier, {"username": person, "password": PASSWORD})
        return app.exchange(self.http, code, verifier)


# The operations in the order of the table, with the number of each in a round; `authorize` makes the
# codes that are exchanged next.
OPERATIONS: dict[str, tuple[Callable[[Visitor], None], int]] = {
    "discovery document": (Visitor.discovery, 4000),
    "JWKS": (Visitor.jwks, 4000),
    "sign-in to tokens": (Visitor.sign_in, 160),
    "authorize in a session": (Visitor.authorize, 320),
    "code exchange": (Visitor.exchange, 320),
    "refresh": (Visitor.refresh, 400),
    "userinfo": (Visitor.userinfo, 1600),
    "introspection": (Visitor.introspect, 1600),
}


def run(visitors: list[Visitor], act: Callable[[Visitor], None], times: int) -> float:
    """Let the visitors together do an operation `times` times; returns the seconds it took."""
    each = times // len(visitors)

    def repeat(visitor: Visitor) -> None:
        for _ in range(each):
            act(visitor)

    begun = time.monotonic()
    with ThreadPoolExecutor(len(visitors)) as pool:
        list(pool.map(repeat, visitors))
    return time.monotonic() - begun


@dataclass(frozen=True, slots=True)
class SignedOut:
    """Seconds of a sign-out: until the browser had its page, and until all apps were notified, or None."""

    browser: float
    last_app: float | None


def sign_out_of_all(subject: Subject, receivers: Receivers, number: int, apps: int = APPS) -> SignedOut:
    """Sign in at all apps in one browser, sign out, and wait until each was notified."""
    visitor = Visitor(subject, number)
    visitor.begin()
    for index in range(1, apps):
        verifier = secrets.token_urlsafe(32)
        app = subject.app(index)
        app.exchange(visitor.http, app.authorize(visitor.browser, verifier), verifier)
    receivers.forget()
    begun = time.monotonic()
    subject.app(0).sign_out(visitor.browser, visitor.tokens["id_token"])
    answered = time.monotonic()
    last = receivers.wait_for(apps, _NOTIFIED_SECONDS)
    visitor.close()
    return SignedOut(answered - begun, None if last is None else last - begun)
