"""Whether a URI that a request names is one that the client registered (rfc9700 §2.1, rpinitiated §3)."""

import re
from collections.abc import Iterable

_LOOPBACK = re.compile(r"(http://(?:127\.0\.0\.1|\[::1\]))(?::[1-9][0-9]{0,4})?((?:[/?][^#\s\\]*)?)")


def matches(registered: Iterable[str], asked: str, *, native: bool) -> bool:
    """Return whether the asked URI is registered, by comparing texts exactly.

    rfc8252 §7.3: the port of a native app's loopback address is free, because the app cannot know
    it in advance. `localhost` is a name and no such address (§8.3).
    """
    registered = tuple(registered)
    if asked in registered:
        return True
    asked_without_port = _without_port(asked) if native else None
    return asked_without_port is not None and asked_without_port in map(_without_port, registered)


def _without_port(uri: str) -> str | None:
    """Return a loopback URI without its port, or None for any other URI."""
    found = _LOOPBACK.fullmatch(uri)
    return found[1] + found[2] if found else None
