"""Convert the text of a setting into a value, and back."""

import re
from collections.abc import Callable
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any

# Longer texts are refused, because the time for matching grows faster than their length.
_LONGEST_TEXT = 100
_NUMBER = r"[0-9]{1,15}(?:\.[0-9]{1,15})?"
_BARE = re.compile(_NUMBER)
_SPAN = re.compile(rf"({_NUMBER})\s*(ms|s|m|h|d)")
_INT = re.compile(r"[+-]?[0-9]{1,15}")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


# The calendar ends in the year 9999, and a span is added to instants and to other spans.
LONGEST_SPAN = timedelta(days=36_500)


def read_timedelta(text: str) -> timedelta:
    """Read a span such as `90s`, `1h 30m`, `250ms` or `180d`; a bare number means seconds.

    Raises ValueError for anything else, and for more than a hundred years.
    """
    text = text.strip().lower()
    if _BARE.fullmatch(text):
        seconds = float(text)
    elif not text or len(text) > _LONGEST_TEXT or _SPAN.sub("", text).strip():
        raise ValueError("is not a time span like 90s, 5m, 1h 30m or 180d")
    else:
        seconds = sum(float(number) * _UNITS[unit] for number, unit in _SPAN.findall(text))
    if seconds > LONGEST_SPAN.total_seconds():
        raise ValueError(f"is longer than {LONGEST_SPAN.days}d")
    return timedelta(seconds=seconds)


def write_timedelta(span: timedelta) -> str:
    """Write a span in the largest units that express it exactly."""
    left = round(span.total_seconds() * 1000)
    parts = []
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts) or "0s"


def read_int(text: str) -> int:
    """Read a whole number."""
    if not _INT.fullmatch(text.strip()):
        raise ValueError("is not a whole number of at most 15 digits")
    return int(text)


def read_bool(text: str) -> bool:
    """Read yes or no."""
    match text.strip().lower():
        case "true" | "yes" | "on" | "1":
            return True
        case "false" | "no" | "off" | "0":
            return False
    raise ValueError("must be true or false")


def read_list(text: str) -> tuple[str, ...]:
    """Read a comma-separated list."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def read_spans(text: str) -> tuple[timedelta, ...]:
    """Read comma-separated spans."""
    return tuple(read_timedelta(part) for part in read_list(text))


def read_path(text: str) -> Path:
    """Read a path; `~` means the home folder."""
    return Path(text).expanduser()


def read_optional_path(text: str) -> Path | None:
    """Read a path; None for an empty text."""
    return read_path(text) if text.strip() else None


READERS: dict[Any, Callable[[str], Any]] = {
    str: str,
    int: read_int,
    bool: read_bool,
    Path: read_path,
    Path | None: read_optional_path,
    timedelta: read_timedelta,
    tuple[str, ...]: read_list,
    tuple[timedelta, ...]: read_spans,
}


def write_value(value: Any) -> str:
    """Write a value in the form that its reader accepts."""
    match value:
        case bool():
            return "true" if value else "false"
        case timedelta():
            return write_timedelta(value)
        case tuple():
            return ", ".join(write_value(part) for part in value)
        case None:
            return ""
    return str(value)


def as_network(entry: str) -> IPv4Network | IPv6Network | None:
    """Return the network that an allow-list entry names, or None when it is a host name."""
    try:
        return ip_network(entry)
    except ValueError:
        return None
