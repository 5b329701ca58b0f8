"""An app under test: the addresses by which a browser and a provider reach it."""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qs, urljoin, urlsplit

import requests

from curfew_rp.checking.party import Claims, Party, SignedIn

_TIMEOUT_SECONDS = 20.0
_MOST_STEPS = 15
_HEADERS = {"Accept": "text/html,application/json;q=0.9", "User-Agent": "curfew-rp check"}


class CannotPlay(Exception):
    """The app did not let a person sign in, so that no sign-out can be tried; the sentence says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """An app, by its addresses."""

    # Logout Tokens are posted here.
    backchannel_logout_uri: str
    # A browser that opens it is sent to the provider.
    login_url: str
    # Shows by its response whether a person is signed in.
    page_url: str
    # Whether a response of the page is one to a person who is signed in.
    shows_person: Callable[[requests.Response], bool] = lambda response: (
        response.status_code == requests.codes.ok
    )
    # Ends the app's processes and starts them again; returns once the app answers.
    restart: Callable[[], None] | None = None


class Visitor:
    """A person at a browser of their own."""

    def __init__(self, app: App, party: Party) -> None:
        self._app = app
        self._party = party
        self._http = requests.Session()
        self._http.trust_env = False
        self._http.headers.update(_HEADERS)
        # What the last response of the page was, in words.
        self.saw = "was not asked"
        # The claims that name the last sign-in that was completed.
        self.names: Claims = {}

    def sign_in(self) -> SignedIn:
        """Sign in at the app. Raises CannotPlay."""
        callback, signed_in = self.come_back()
        self.open(callback)
        self.names = signed_in.names
        if not self.is_signed_in():
            raise CannotPlay(f"after a sign-in {self._app.page_url} does not show a person: {self.saw}")
        return signed_in

    def come_back(self) -> tuple[str, SignedIn]:
        """Sign in at the provider; returns the app's callback with the code, which is not opened yet."""
        self._party.admit(self._http)
        url = self._app.login_url
        for _ in range(_MOST_STEPS):
            response = self._get(url)
            if not response.is_redirect:
                raise CannotPlay(f"the sign-in stopped at {url}, which answered {response.status_code}")
            target = urljoin(url, response.headers["Location"])
            if self._is_provider(url) and not self._is_provider(target):
                return self._checked(target), self._party.last_sign_in()
            url = target
        raise CannotPlay(f"the sign-in was redirected {_MOST_STEPS} times, at last to {url}")

    def open(self, url: str) -> None:
        """Open an address and follow where it leads, but not to the provider again."""
        for _ in range(_MOST_STEPS):
            response = self._get(url)
            if not response.is_redirect:
                return
            url = urljoin(url, response.headers["Location"])
            if self._is_provider(url):
                return

    def is_signed_in(self) -> bool:
        """Return whether the app's page shows a person who is signed in."""
        response = self._get(self._app.page_url)
        self.saw = f"answered {response.status_code}"
        return self._app.shows_person(response)

    def close(self) -> None:
        """Close the browser."""
        self._http.close()

    def _get(self, url: str) -> requests.Response:
        try:
            return self._http.get(url, timeout=_TIMEOUT_SECONDS, allow_redirects=False)
        except requests.RequestException as exc:
            raise CannotPlay(f"{url} does not answer ({type(exc).__name__})") from exc

    def _is_provider(self, url: str) -> bool:
        return urlsplit(url).netloc == urlsplit(self._party.url).netloc

    def _checked(self, callback: str) -> str:
        if "code" not in parse_qs(urlsplit(callback).query):
            raise CannotPlay(f"the provider answered without a code: {callback}")
        return callback
