"""HTTP requests and replies as plain values, so that the gate needs no web framework."""

import json
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

_LONGEST_COOKIES = 16 * 1024
_LONGEST_QUERY = 8 * 1024
_MOST_FIELDS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request as received; header names are in lower case, and `peer` is the address it came from."""

    method: str
    path: str
    query: str = ""
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)
    peer: str = ""

    def header(self, name: str) -> str | None:
        """Return the only value of a header; None if it is missing or repeated."""
        values = [value for given, value in self.headers if given == name]
        return values[0] if len(values) == 1 else None

    def cookies(self) -> dict[str, str]:
        """Return the cookies without repeated ones, because another host may have set them."""
        text = "; ".join(value for name, value in self.headers if name == "cookie")
        if len(text) > _LONGEST_COOKIES:
            return {}
        pairs = [part.strip().partition("=") for part in text.split(";")]
        names = [name for name, _, _ in pairs]
        return {name: value for name, _, value in pairs if names.count(name) == 1}

    def parameters(self) -> dict[str, str]:
        """Return the query parameters without repeated ones (rfc6749 §3.1)."""
        return read_form(self.query) if len(self.query) <= _LONGEST_QUERY else {}


def read_form(text: str) -> dict[str, str]:
    """Return the fields of a form that are given once; none if there are too many."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        return {}
    names = [name for name, _ in pairs]
    return {name: value for name, value in pairs if names.count(name) == 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A response; none of the gate's responses may be cached."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def all_headers(self) -> tuple[tuple[str, str], ...]:
        """All headers, with the length of the body."""
        length = ("Content-Length", str(len(self.body)))
        return (("Cache-Control", "no-store"), *self.headers, length)

    def adding(self, *headers: tuple[str, str]) -> "Reply":
        """Return the same reply with more headers."""
        return Reply(status=self.status, body=self.body, headers=(*self.headers, *headers))


def redirect(url: str, status: int = 303) -> Reply:
    """Send the browser elsewhere."""
    return Reply(status=status, headers=(("Location", url), ("Referrer-Policy", "no-referrer")))


def json_reply(status: int, error: str, description: str) -> Reply:
    """Answer a program."""
    body = json.dumps({"error": error, "error_description": description}).encode()
    return Reply(status=status, body=body, headers=(("Content-Type", "application/json"),))
