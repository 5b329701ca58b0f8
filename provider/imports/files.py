"""Read the files of an export, including large ones: only one batch is decoded at a time."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec

MOST_BYTES = 1024 * 1024 * 1024
T = TypeVar("T")


class UnreadableExport(ValueError):
    """A file is not an export of that product; the sentence says why."""


def read_bytes(path: Path) -> bytes:
    """Return a file's bytes. Raises UnreadableExport."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UnreadableExport(f"{path} is larger than {MOST_BYTES} bytes; split it")
        return path.read_bytes()
    except OSError as exc:
        raise UnreadableExport(f"{path} cannot be read: {exc.strerror}") from exc


def decode(data: bytes, kind: type[T], path: Path) -> T:
    """Return JSON as a type. Raises UnreadableExport."""
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
        raise UnreadableExport(f"{path} is not such an export: {exc}") from exc


def objects_of(path: Path) -> Iterator[msgspec.Raw]:
    """Yield the objects of a JSON array, or of a file with one per line. Raises UnreadableExport."""
    data = read_bytes(path)
    start = data.lstrip()[:1]
    if start == b"[":
        yield from decode(data, list[msgspec.Raw], path)
    elif start == b"{":
        yield from (msgspec.Raw(line) for line in data.splitlines() if line.strip())
    elif start:
        raise UnreadableExport(f"{path} is neither a JSON array nor one JSON object on each line")


def member(value: Any, *names: str) -> Any:
    """Return a member of nested objects, or None if it is missing."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value
