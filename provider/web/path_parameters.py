"""Converters for the variable parts of addresses; any other value is a 404.

A percent-decoded part may contain anything, even a line break, which is not allowed in a header.
"""

from flask import Flask
from werkzeug.routing import BaseConverter, Map


class HandleConverter(BaseConverter):
    """A random handle of `opaque_tokens`, which may be cut off or mistyped."""

    regex = "[A-Za-z0-9_-]{1,128}"


class ClientIDConverter(BaseConverter):
    """A client id, which may be a URL."""

    part_isolating = False
    regex = "[A-Za-z0-9._~:@-][A-Za-z0-9._~:/@-]{0,254}"


_CONVERTERS: dict[str, type[BaseConverter]] = {"handle": HandleConverter, "client_id": ClientIDConverter}


def install(app: Flask) -> None:
    """Make the converters available to the rules of an application."""
    app.url_map.converters |= _CONVERTERS


def is_one_segment(converter: str) -> bool:
    """Return whether a variable part with this converter holds no slash."""
    known = Map.default_converters | _CONVERTERS
    return known[converter].part_isolating
