"""Ada at her browser, in front of apps behind the gate, and what reaches an app of her requests."""

from demo.browser import Browser
from tests.faults.site import PASSWORD
from tests.support.waiting import PATIENCE

BUTTONS = ("sign-in", "continue", "allow")
PAGE = {"Accept": "text/html,*/*"}


class Ada:
    """Ada at her browser."""

    def __init__(self, site):
        self.browser = Browser()
        self.browser._session.headers.update(PAGE)
        self.site = site

    def open(self, url):
        self.browser.open(url)
        while button := next(filter(self.browser.has, BUTTONS), None):
            typed = {"username": "ada", "password": PASSWORD} if button == "sign-in" else {}
            self.browser.press(button, **typed)

    def ask(self, path, method="GET", origin=None, **headers):
        """Send one request with her cookies, and follow no redirect."""
        return self.browser._session.request(
            method,
            (origin or self.site.wiki) + path,
            headers={name.replace("_", "-"): value for name, value in headers.items()},
            allow_redirects=False,
            timeout=PATIENCE,
        )

    @property
    def cookie(self):
        jar = self.browser._session.cookies
        return "; ".join(f"{each.name}={each.value}" for each in jar if each.domain == "localhost.local")


def seen(response):
    """The headers that reached the app."""
    assert response.status_code == 200, (response.status_code, response.text)
    return [tuple(pair) for pair in response.json()["headers"]]


def identity(response):
    return {name: value for name, value in seen(response) if name.startswith("x-auth-request-")}
