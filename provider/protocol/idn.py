"""Internationalised host names (rfc5890): registered and compared as A-labels, shown to people in both forms.

The A-label is shown next to the letters, because letters of different scripts can look the same.
"""

import re
import unicodedata

import idna

from provider.protocol.look_alike import mixes_scripts
from provider.protocol.uri import MalformedURI

_LONGEST_HOST = 253
_WEB = re.compile(r"(https?://)([^/?#:@\\\[\]]+)((?:[/?#:].*)?)", re.DOTALL)
_A_LABEL = re.compile(r"(?:^|\.)xn--")
# Isolates letters that are written from right to left, which would reorder the text around them.
_ISOLATED = "\u2068{}\u2069"


def with_ascii_host(uri: str) -> str:
    """Return a URI with its host as browsers send it. Raises MalformedURI.

    Only letters of IDNA 2008 are accepted, in either case: with look-alike or invisible characters, two
    different hosts would read as one.
    """
    found = _WEB.fullmatch(uri)
    if found is None or found[2].isascii():
        return uri
    # Encoding takes time that grows with the square of the length.
    if len(found[2]) > _LONGEST_HOST:
        raise MalformedURI(f"has a host of more than {_LONGEST_HOST} characters")
    host = unicodedata.normalize("NFC", found[2].lower())
    if any(map(mixes_scripts, host.split("."))):
        raise MalformedURI("has a host that mixes scripts; if this is intended, write it as xn--…")
    try:
        return f"{found[1]}{idna.encode(host, strict=True, std3_rules=True).decode()}{found[3]}"
    except idna.IDNAError as exc:
        raise MalformedURI("has a host that is not a valid internationalised domain name") from exc


def both_forms(authority: str) -> str:
    """Return a host with its port, if any; a host with non-ASCII letters is preceded by these."""
    host, colon, port = authority.partition(":")
    letters = _letters_of(host)
    return f"{letters}{colon}{port} ({authority})" if letters else authority


def uri_in_both_forms(uri: str) -> str:
    """Return a URI, followed by the letters of its host if some of them are not ASCII."""
    found = _WEB.fullmatch(uri)
    letters = _letters_of(found[2]) if found else None
    return f"{uri} ({letters})" if letters else uri


def _letters_of(host: str) -> str | None:
    if len(host) > _LONGEST_HOST or not _A_LABEL.search(host):
        return None
    try:
        letters = idna.decode(host)
    except idna.IDNAError:
        return None
    if letters == host:
        return None
    is_reordered = any(unicodedata.bidirectional(letter) in ("R", "AL", "AN") for letter in letters)
    return _ISOLATED.format(letters) if is_reordered else letters
