"""Check whether the client registered a URI that a request names (rfc9700 §2.1, rpinitiated §3)."""

import re
from collections.abc import Iterable

from provider.protocol.uri import LAST_PORT, MalformedURI, has_odd_authority, parse_web_uri

LONGEST_SHOWN = 200
_URI_OR_PATH = re.compile(r"\s*(?:[A-Za-z][A-Za-z0-9+.-]*:|/)")
_USERINFO = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*:)?//[^/?#]*@")
_LOOPBACK = re.compile(r"(http://(?:127\.0\.0\.1|\[::1\]))(?::([1-9][0-9]{0,4}))?((?:[/?][^#\s\\]*)?)")


def matches(registered: Iterable[str], asked: str, *, native: bool) -> bool:
    """Return whether the requested URI is registered, by exact string comparison.

    rfc8252 §7.3: the port of a native app's loopback address is free, because the app cannot know
    it in advance. `localhost` is a name, not such an address (§8.3).
    """
    registered = tuple(registered)
    if asked in registered:
        # A URI with an odd authority was registered before these were refused; no redirect can be made to it.
        return asked.startswith(("http:", "https:")) or not has_odd_authority(asked)
    asked_without_port = _without_port(asked) if native else None
    return asked_without_port is not None and asked_without_port in map(_without_port, registered)


def is_claimed(uri: str) -> bool:
    """Return whether only the app that owns the host of this URI can receive what is sent to it.

    rfc8252 §7.2: an https URI that the operating system opens in the app of the host's owner. Any program
    may listen on a loopback port or register a private-use scheme (§8.6).
    """
    try:
        parsed = parse_web_uri(uri)
    except MalformedURI:
        return False
    return parsed.scheme == "https" and not parsed.stays_on_device


def shown(uri: str) -> str:
    """Return a refused URI for a log or a page: without possible secrets, in ASCII, of bounded length.

    User information, query and fragment are replaced by an ellipsis; unprintable characters are escaped. A
    text that is neither a URI nor a path could be anything, such as a misplaced token, and is not shown.
    """
    if not _URI_OR_PATH.match(uri):
        return "(not a URI)"
    base, mark, _ = re.fullmatch(r"([^?#]*)([?#]?)(.*)", uri, re.DOTALL).groups()  # type: ignore[union-attr]  # It matches any text.
    base = _USERINFO.sub(r"\1//...@", base)
    safe = base.encode("unicode_escape").decode("ascii")
    if len(safe) > LONGEST_SHOWN:
        return f"{safe[:LONGEST_SHOWN]}..."
    return f"{safe}{mark}..." if mark else safe


def _without_port(uri: str) -> str | None:
    """Return a loopback URI without its port, or None for any other URI."""
    found = _LOOPBACK.fullmatch(uri)
    if found is None or int(found[2] or 0) > LAST_PORT:
        return None
    return found[1] + found[3]
