"""A request whose parameters must be UTF-8: other bytes are refused, not rewritten.

The framework keeps such bytes percent-encoded, so that `state=%ff` would return to the app as `%25ff`; in a
raw form body it drops all parameters. Here they are kept until a reader of parameters refuses them.
"""

from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote_plus, unquote_to_bytes

from flask import Request
from werkzeug.datastructures import EnvironHeaders, ImmutableMultiDict, MultiDict
from werkzeug.exceptions import ClientDisconnected
from werkzeug.utils import cached_property

from provider.protocol.parameters import check_text

FORM = "application/x-www-form-urlencoded"

Pairs = list[tuple[str, str]]
_NONE: ImmutableMultiDict[str, str] = ImmutableMultiDict()


class StrictRequest(Request):
    """Refuses parameters that are not UTF-8 when they are read. Raises MalformedParameter."""

    # The length of the body, which every request has here (`request_body.with_known_length`). Werkzeug's
    # cached property would take three calls on each access.
    content_length: int | None = None

    def __init__(self, environ: dict[str, Any], populate_request: bool = True, shallow: bool = False) -> None:
        # LIB-26: as Werkzeug's constructor, which makes two or three calls for most of these values.
        self.environ, self.shallow, self.server = environ, shallow, None
        self.method, self.scheme = environ["REQUEST_METHOD"].upper(), environ["wsgi.url_scheme"]
        self.root_path = _utf8(environ["SCRIPT_NAME"]).rstrip("/")
        self.path = "/" + _utf8(environ["PATH_INFO"]).lstrip("/")
        self.query_string = environ["QUERY_STRING"].encode("latin-1")
        self.headers, self.remote_addr = EnvironHeaders(environ), environ.get("REMOTE_ADDR")
        if populate_request and not shallow:
            environ["werkzeug.request"] = self
        length = environ.get("CONTENT_LENGTH", "")
        self.content_length = int(length) if length.isdecimal() else None
        self.notes: dict[str, Any] = environ.setdefault("curfew.notes", {})

    @cached_property
    def body(self) -> bytes:
        """The whole body, which was read before or has a known length. Raises ClientDisconnected."""
        length = self.content_length or 0
        body: bytes = self.environ["wsgi.input"].read(length)
        if len(body) != length:
            raise ClientDisconnected
        return body

    def close(self) -> None:
        """Close nothing: bodies never hold files here."""

    def get_data(self, *_args: object, **_options: object) -> bytes:  # type: ignore[override]  # Never as text.
        """Return the cached body."""
        return self.body

    @cached_property
    def args(self) -> MultiDict[str, str]:
        """The parameters of the query."""
        if not self.query_string:
            return _NONE
        return ImmutableMultiDict(_texts(query_pairs(self)))

    @cached_property
    def form(self) -> ImmutableMultiDict[str, str]:
        """The parameters of the body; no form of ours is sent as multipart."""
        return ImmutableMultiDict(_texts(form_pairs(self)))


def _utf8(text: str) -> str:
    """Return a text of the environment, where each character stands for a byte (PEP 3333)."""
    return text if text.isascii() else text.encode("latin-1").decode(errors="replace")


def query_pairs(request: Request) -> Pairs:
    """Return the parameters of the query as sent, with bytes that are not UTF-8 as lone surrogates."""
    return _pairs(request.query_string)


def form_pairs(request: Request) -> Pairs:
    """Return the parameters of the body as sent, with bytes that are not UTF-8 as lone surrogates."""
    return _pairs(request.get_data()) if request.content_length and is_of(request, FORM) else []


def is_of(request: Request, mimetype: str) -> bool:
    """Return whether the body is of a media type, most often named without parameters."""
    return request.environ.get("CONTENT_TYPE") == mimetype or request.mimetype == mimetype


def _pairs(encoded: bytes) -> Pairs:
    if not encoded:
        return []
    text = encoded.decode(errors="surrogateescape")
    pairs = [pair.partition("=") for pair in text.split("&") if pair]
    # Most names and values are handles and words without encoded characters.
    return [
        (_decoded(name), _decoded(value)) if "%" in name + value or "+" in name + value else (name, value)
        for name, _, value in pairs
    ]


def _decoded(text: str) -> str:
    if not text.isascii():
        return unquote_plus(text, errors="surrogateescape")
    if "+" in text:
        text = text.replace("+", " ")
    # Without other characters it can be decoded as a whole, which `unquote` does part by part.
    return unquote_to_bytes(text).decode(errors="surrogateescape") if "%" in text else text


def _texts(pairs: Iterable[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    for name, value in pairs:
        check_text(name, value)
        yield name, value
