"""URLs from clients: the path by which a rule is found, and the target after signing in."""

import re
from collections.abc import Collection
from urllib.parse import quote, unquote

LONGEST_TARGET = 1024
_VISIBLE = "".join(map(chr, range(0x21, 0x7F)))
# Proxies and apps interpret these differently: dot segments, empty segments, `;` parameters, encoded
# separators, encoded percent signs, and malformed percent encoding.
_AMBIGUOUS = re.compile(
    r"[\\;#]|//|/\.\.?(?=/|$)|%(?:00|2[35ef]|3[bf]|5c)|%(?![0-9a-f]{2})|[^\x21-\x7e]", re.IGNORECASE
)


def plain_path(uri: str) -> str | None:
    """Return the decoded path of a request, or None where servers may read it in different ways (THR-56)."""
    raw = uri.partition("?")[0]
    if not raw.startswith("/") or _AMBIGUOUS.search(raw):
        return None
    try:
        path = unquote(raw, errors="strict")
    except UnicodeDecodeError:
        return None
    return path if path.isprintable() else None


def target_of(origin: str, uri: str) -> str:
    """Return the URL of a request, to come back to it; the front page if the URL is too long or odd."""
    visible = quote(uri, safe=_VISIBLE, encoding="latin-1", errors="replace")
    return checked_target(visible, here=origin, origins=(origin,))


def checked_target(target: str | None, *, here: str, origins: Collection[str]) -> str:
    """Return an absolute URL at one of the origins, whatever a link says; the front page for any other.

    A path is taken as one of `here`. Nothing is parsed: every browser agrees on a URL that begins with an
    origin and a slash, while backslashes, spaces and control characters are read in different ways and
    refused.
    """
    front = f"{here}/"
    if not target or len(target) > LONGEST_TARGET or not all(letter in _VISIBLE for letter in target):
        return front
    if "\\" in target or target.startswith("//"):
        return front
    if target.startswith("/"):
        return here + target
    return target if any(target.startswith(f"{origin}/") for origin in origins) else front
