"""An app under test, and a browser that visits it."""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qs, urljoin, urlsplit

import requests

from curfew_rp.checking.party import Claims, Party, SignedIn

_TIMEOUT_SECONDS = 20.0
_MOST_STEPS = 15
_HEADERS = {"Accept": "text/html,application/json;q=0.9", "User-Agent": "curfew-rp check"}


class CannotPlay(Exception):
    """The app did not let a person sign in, so no sign-out can be tested; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """An app, given by its URLs."""

    # Logout Tokens are posted here.
    backchannel_logout_uri: str
    # Redirects a browser to the provider.
    login_url: str
    # Its response shows whether a person is signed in.
    page_url: str
    # Returns whether a response of the page is for a person who is signed in.
    shows_person: Callable[[requests.Response], bool] = lambda response: (
        response.status_code == requests.codes.ok
    )
    # Stops the app's processes and starts them again; returns once the app answers.
    restart: Callable[[], None] | None = None


class Visitor:
    """A person with their own browser."""

    def __init__(self, app: App, party: Party) -> None:
        self._app = app
        self._party = party
        self._http = requests.Session()
        self._http.trust_env = False
        self._http.headers.update(_HEADERS)
        # The last response of the page, in words.
        self.saw = "was not asked"
        # The claims that identify the last completed sign-in.
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
        """Sign in at the provider; return the app's callback URL with the code, without opening it."""
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
        """Open a URL and follow redirects, but not back to the provider."""
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
