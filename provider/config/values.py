"""How the text of a setting becomes a value, and back."""

import re
from collections.abc import Callable
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any

_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def read_timedelta(text: str) -> timedelta:
    """Read a span such as `90s`, `1h 30m`, `250ms` or `180d`; a bare number counts seconds."""
    text = text.strip().lower()
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return timedelta(seconds=float(text))
    if not text or _SPAN.sub("", text).strip():
        raise ValueError("is not a span of time like 90s, 5m, 1h 30m or 180d")
    return timedelta(seconds=sum(float(n) * _UNITS[unit] for n, unit in _SPAN.findall(text)))


def write_timedelta(span: timedelta) -> str:
    """Write a span in the largest units that show it exactly."""
    left = round(span.total_seconds() * 1000)
    parts = []
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts) or "0s"


def read_int(text: str) -> int:
    """Read a whole number."""
    try:
        return int(text.strip())
    except ValueError:
        raise ValueError("is not a whole number") from None


def read_bool(text: str) -> bool:
    """Read yes or no."""
    match text.strip().lower():
        case "true" | "yes" | "on" | "1":
            return True
        case "false" | "no" | "off" | "0":
            return False
    raise ValueError("is neither true nor false")


def read_list(text: str) -> tuple[str, ...]:
    """Read a list written with commas."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def read_spans(text: str) -> tuple[timedelta, ...]:
    """Read spans written with commas."""
    return tuple(read_timedelta(part) for part in read_list(text))


def read_path(text: str) -> Path:
    """Read a path; `~` means the home folder."""
    return Path(text).expanduser()


def read_optional_path(text: str) -> Path | None:
    """Read a path, or nothing from an empty text."""
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
    """Write a setting's value as it would be set."""
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
