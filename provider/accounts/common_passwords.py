"""The passwords that attackers try first: those that are built in, and those that an operator adds.

Only 64 bits of each password's digest are kept, sorted: a million take 8 MB and a few seconds to read.
Passwords are compared in composed form (NFC), ignoring case.
"""

import gzip
import hashlib
import unicodedata
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from provider.infrastructure import current

# The second file is written by `python -m docs.common_passwords`, which says where it comes from.
_BUILT_IN = ("common_passwords.txt", "common_passwords.txt.gz")
_BUCKETS = 256
_GZIP = b"\x1f\x8b"
_COMMENT = "# "


class PasswordList:
    """A compact set of passwords in the form that `folded` returns."""

    def __init__(self, passwords: Iterable[str]) -> None:
        # In buckets, because sorting an array makes a list of objects; for one bucket, that list is short.
        buckets = [array("Q") for _ in range(_BUCKETS)]
        for password in passwords:
            number = _number_of(password)
            buckets[number % _BUCKETS].append(number)
        self._buckets = tuple(array("Q", sorted(set(bucket))) for bucket in buckets)

    def __len__(self) -> int:
        return sum(map(len, self._buckets))

    def __contains__(self, password: str) -> bool:
        number = _number_of(password)
        bucket = self._buckets[number % _BUCKETS]
        index = bisect_left(bucket, number)
        return index < len(bucket) and bucket[index] == number


def folded(password: str) -> str:
    """Return the form in which passwords are compared with the lists."""
    return unicodedata.normalize("NFC", password).casefold()


def load() -> None:
    """Read the lists now, so that no request has to wait for them."""
    built_in()
    added()


def is_common(password: str) -> bool:
    """Return whether a password, in folded form, is on a list."""
    return password in built_in() or password in added()


@cache
def built_in() -> PasswordList:
    """Return the list that comes with the provider."""
    return PasswordList(_read_built_in())


def added() -> PasswordList:
    """Return the operator's list, or an empty one."""
    return current.memo("common_passwords", _read_added)


def _read_built_in() -> Iterator[str]:
    for name in _BUILT_IN:
        with as_file(files("provider.accounts") / name) as path:
            yield from read(path)


def _read_added() -> PasswordList:
    path = current.settings().common_passwords_file
    return PasswordList(read(path) if path else ())


def read(path: Path) -> Iterator[str]:
    """Read passwords in folded form from a text file, one per line, optionally compressed with gzip."""
    with path.open("rb") as file:
        is_gzip = file.read(len(_GZIP)) == _GZIP
    # Old lists contain lines in other encodings; such lines match no password.
    text: dict[str, Any] = {"mode": "rt", "encoding": "utf-8", "errors": "replace"}
    with gzip.open(path, **text) if is_gzip else path.open(**text) as lines:
        for line in lines:
            password = line.rstrip("\r\n")
            if password and not password.startswith(_COMMENT):
                yield folded(password)


def _number_of(password: str) -> int:
    digest = hashlib.blake2b(password.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest)
