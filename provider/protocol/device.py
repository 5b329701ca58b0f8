"""A readable name of a browser, such as "Firefox on Linux"."""

import re
import unicodedata
from functools import lru_cache

MAX_LENGTH = 128
_MOST_READ = 1024
# Order matters: most browsers also claim to be older ones.
_BROWSERS = (
    ("Edge", r"\bEdg(?:e|A|iOS)?/"),
    ("Opera", r"\b(?:OPR|OPiOS|Opera)/"),
    ("Samsung Internet", r"\bSamsungBrowser/"),
    ("Vivaldi", r"\bVivaldi/"),
    ("Firefox", r"\b(?:Firefox|FxiOS)/"),
    ("Chrome", r"\b(?:Chrome|HeadlessChrome|Chromium|CriOS)/"),
    ("Safari", r"\bVersion/\S+ .*Safari/"),
    ("curl", r"^curl/"),
)
_SYSTEMS = (
    ("Android", r"\bAndroid\b"),
    ("iPhone", r"\biPhone\b"),
    ("iPad", r"\biPad\b"),
    ("ChromeOS", r"\bCrOS\b"),
    ("Windows", r"\bWindows\b"),
    ("macOS", r"\bMacintosh\b|\bMac OS X\b"),
    ("Linux", r"\bLinux\b|\bX11\b"),
)


def label_of(user_agent: str) -> str:
    """Return a short label for a User-Agent header: capped and without control characters."""
    return _label(user_agent[:_MOST_READ])


# A few versions of a few browsers send nearly all requests.
@lru_cache(maxsize=256)
def _label(user_agent: str) -> str:
    text = "".join(c for c in user_agent if not unicodedata.category(c).startswith("C")).strip()
    browser, system = _first(_BROWSERS, text), _first(_SYSTEMS, text)
    if browser and system:
        return f"{browser} on {system}"
    # An unknown program is labelled with the first word of its own name, without the version.
    return browser or system or text.partition("/")[0].partition(" ")[0][:MAX_LENGTH] or "Unknown device"


def _first(table: tuple[tuple[str, str], ...], text: str) -> str | None:
    return next((name for name, pattern in table if re.search(pattern, text)), None)
