"""HTTP as a browser or an app speaks it: one kept connection, cookies, forms, redirects."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlencode, urljoin, urlsplit

from benchmarks.comparison.connection import Connection, Received

_FORM = "application/x-www-form-urlencoded"
_MOST_STEPS = 12
_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Response:
    """A response, read to its end."""

    received: Received
    url: str

    @property
    def status(self) -> int:
        """Its status."""
        return self.received.status

    @property
    def body(self) -> bytes:
        """Its body."""
        return self.received.body

    @property
    def location(self) -> str:
        """The target of a redirect, as an absolute address."""
        return urljoin(self.url, self.received.get("location") or "")


@dataclass
class Browser:
    """One kept connection to a provider, with a jar of cookies."""

    origin: str
    cookies: dict[str, tuple[str, str]] = field(default_factory=dict)
    _connection: Connection | None = None

    def request(
        self, method: str, url: str, body: str | None = None, headers: dict[str, str] | None = None
    ) -> Response:
        """Send a request and read the response."""
        target = self._target_of(url)
        path = target.partition("?")[0]
        sent = {"Accept": "*/*"} | (headers or {})
        cookies = [
            f"{name}={value}" for name, (value, of_cookie) in self.cookies.items() if _fits(path, of_cookie)
        ]
        if cookies:
            sent["Cookie"] = "; ".join(cookies)
        if body is not None:
            sent["Content-Type"] = _FORM
        try:
            received = self._connected().ask(method, target, sent, body)
        except ConnectionError:
            # The connection was idle for longer than the server keeps it; browsers reconnect.
            self.close()
            received = self._connected().ask(method, target, sent, body)
        self._keep_cookies(received)
        return Response(received, self.origin + target)

    def post(self, url: str, form: dict[str, str], headers: dict[str, str] | None = None) -> Response:
        """Post a form."""
        return self.request("POST", url, urlencode(form), headers)

    def follow(self, response: Response, until: str, typed: dict[str, str]) -> Response:
        """Follow redirects and submit forms, as a person would, until an address begins like this."""
        for _ in range(_MOST_STEPS):
            if response.location.startswith(until) and 300 <= response.status < 400:
                return response
            if 300 <= response.status < 400:
                response = self.request("GET", response.location)
            else:
                response = self._submit(response, typed)
        raise AssertionError("the way leads in circles")

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _submit(self, response: Response, typed: dict[str, str]) -> Response:
        assert response.status == 200, (response.status, response.url, response.body[:500])
        form = _Form()
        form.feed(response.body.decode())
        return self.post(urljoin(response.url, form.action), form.fields | typed)

    def _target_of(self, url: str) -> str:
        if url.startswith(f"{self.origin}/") and "#" not in url:
            return url.removeprefix(self.origin)
        parts = urlsplit(urljoin(self.origin, url))
        return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    def _connected(self) -> Connection:
        if self._connection is None:
            parts = urlsplit(self.origin)
            self._connection = Connection(parts.hostname or "", parts.port or 80, _SECONDS)
        return self._connection

    def _keep_cookies(self, received: Received) -> None:
        for line in (value for name, value in received.headers if name == "set-cookie"):
            name, _, rest = line.partition("=")
            value, _, attributes = rest.partition(";")
            path = re.search(r"[Pp]ath=([^;]+)", attributes)
            if not value or "1970" in attributes or "Max-Age=0" in attributes:
                self.cookies.pop(name.strip(), None)
            else:
                self.cookies[name.strip()] = (value, path[1].strip() if path else "/")


class _Form(HTMLParser):
    """The first form of a page: where it goes and what it sends."""

    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the form's address and its fields."""
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.action = given.get("action", "")
        elif tag == "input" and given.get("name"):
            self.fields[given["name"]] = given.get("value", "")


def _fits(path: str, of_cookie: str) -> bool:
    return path == of_cookie or path.startswith(of_cookie.rstrip("/") + "/")
