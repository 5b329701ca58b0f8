"""A browser without a screen: follows redirects, keeps cookies, fills in forms and presses buttons by id."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qs, urljoin, urlsplit

import requests

TIMEOUT = 30
_VOID_TYPES = {"submit", "button", "image", "reset"}


class NotOnPage(Exception):
    """The page has no such button, link or field."""


@dataclass
class Form:
    """A form on the page."""

    action: str
    method: str
    values: dict[str, str] = field(default_factory=dict)
    names_by_id: dict[str, str] = field(default_factory=dict)
    buttons: dict[str, tuple[str, str] | None] = field(default_factory=dict)


class _PageReader(HTMLParser):
    """Collects forms, links and the heading."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: dict[str, str] = {}
        self.heading = ""
        self._in_form = False
        self._in_heading = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Record a form, its controls, a link with an id, or the start of the heading."""
        given = {name: value or "" for name, value in attrs}
        match tag:
            case "form":
                self._in_form = True
                self.forms.append(Form(given.get("action", ""), given.get("method", "get").lower()))
            case "input" | "button" | "textarea" | "select" if self._in_form:
                self._note_control(tag, given)
            case "a" if "id" in given:
                self.links[given["id"]] = given.get("href", "")
            case "h1":
                self._in_heading = True

    def handle_endtag(self, tag: str) -> None:
        """Leave a form or the heading."""
        if tag == "form":
            self._in_form = False
        elif tag == "h1":
            self._in_heading = False

    def handle_data(self, data: str) -> None:
        """Read the heading."""
        if self._in_heading:
            self.heading = " ".join(f"{self.heading} {data}".split())

    def _note_control(self, tag: str, given: dict[str, str]) -> None:
        form, name = self.forms[-1], given.get("name", "")
        kind = given.get("type", "submit" if tag == "button" else "text").lower()
        if kind in _VOID_TYPES:
            form.buttons[given.get("id", "")] = (name, given.get("value", "")) if name else None
            return
        form.names_by_id[given.get("id", name)] = name
        if kind not in {"checkbox", "radio"} or "checked" in given:
            form.values[name] = given.get("value", "")


class Browser:
    """One person's browser, with its own cookies."""

    def __init__(self) -> None:
        self._session = requests.Session()
        # Ignore proxies from the environment: all addresses are on loopback.
        self._session.trust_env = False
        self._session.headers["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64) Firefox/145.0 demo-check"
        self.url = ""
        self.status = 0
        self.trail: list[str] = []
        self._page = _PageReader()

    def open(self, url: str, **parameters: str) -> None:
        """Open a URL, as if it were typed."""
        self._arrive(self._session.get(url, params=parameters, timeout=TIMEOUT))

    def press(self, element_id: str, **entries: str) -> None:
        """Press a button or follow a link by its id; `entries` fill in fields by their ids."""
        if element_id in self._page.links:
            self.open(urljoin(self.url, self._page.links[element_id]))
            return
        form = next((form for form in self._page.forms if element_id in form.buttons), None)
        if form is None:
            raise NotOnPage(f"{self.where} has no {element_id!r}")
        values = dict(form.values)
        for field_id, text in entries.items():
            if field_id not in form.names_by_id:
                raise NotOnPage(f"{self.where} has no field {field_id!r}")
            values[form.names_by_id[field_id]] = text
        if pressed := form.buttons[element_id]:
            values[pressed[0]] = pressed[1]
        self._submit(form, values)

    def has(self, element_id: str) -> bool:
        """Return whether the page has a button or link with this id."""
        return element_id in self._page.links or any(element_id in form.buttons for form in self._page.forms)

    def ask(self, method: str, url: str, json: Mapping[str, object] | None = None) -> requests.Response:
        """Call a URL with this browser's cookies, as a script of the page would."""
        return self._session.request(method, url, json=json, timeout=TIMEOUT)

    def answer(self, name: str) -> str:
        """Return a parameter from the newest URL on the way that has it; empty if none has."""
        for url in reversed(self.trail):
            if found := parse_qs(urlsplit(url).query).get(name):
                return found[0]
        return ""

    @property
    def where(self) -> str:
        """The browser's address, for people: without the query, which may contain secrets."""
        parts = urlsplit(self.url)
        return f"{parts.netloc}{parts.path} ({self.status} {self._page.heading})".strip()

    def _submit(self, form: Form, values: dict[str, str]) -> None:
        target = urljoin(self.url, form.action)
        # Browsers send the origin of a form; the provider may refuse a form without it.
        headers = {
            "Origin": "{0.scheme}://{0.netloc}".format(urlsplit(self.url)),
            "Sec-Fetch-Site": "same-origin",
        }
        if form.method == "post":
            self._arrive(self._session.post(target, data=values, headers=headers, timeout=TIMEOUT))
        else:
            self.open(target, **values)

    def _arrive(self, response: requests.Response) -> None:
        self.url, self.status = response.url, response.status_code
        self.trail = [*(step.url for step in response.history), response.url]
        self._page = _PageReader()
        self._page.feed(response.text)
