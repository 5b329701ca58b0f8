"""Password hashes that other providers made, kept as they are until the person signs in (KEY-35).

Argon2 in PHC form, bcrypt in its own form, and PBKDF2 as `$pbkdf2-sha512$i=210000$salt$hash`. The cost of a
hash is limited when it is imported and again when it is checked, so that none can occupy a thread for long.
"""

import base64
import binascii
import hashlib
import hmac
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from argon2 import extract_parameters
from argon2.exceptions import InvalidHashError

# The sealed form of a hash has to fit into the column.
LONGEST = 150
# About half a second of CPU time each, several times what the other providers use.
MOST_ITERATIONS = {"sha1": 1_500_000, "sha256": 1_000_000, "sha512": 500_000}
LEAST_ITERATIONS = 1000
MOST_BCRYPT_COST = 13
_LEAST_BCRYPT_COST = 4
MOST_ARGON2_MEMORY = 262_144
_MOST_ARGON2_WORK = 524_288
_MOST_LANES = 16
# bcrypt reads no more than this. Other libraries truncate longer passwords silently; ours refuses them.
_BCRYPT_BYTES = 72
_BCRYPT = re.compile(r"\$2[abxy]\$([0-9]{2})\$[./A-Za-z0-9]{53}")
_PBKDF2 = re.compile(r"\$pbkdf2-(sha1|sha256|sha512)\$i=([0-9]{1,9})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)")
_LEAST_HASH = 16


class UnusableHash(ValueError):
    """A hash cannot be imported; the message says why, without quoting the hash."""


@dataclass(frozen=True, slots=True)
class Pbkdf2:
    """The parts of a PBKDF2 hash."""

    digest: str
    iterations: int
    salt: bytes
    derived: bytes

    def __str__(self) -> str:
        return f"$pbkdf2-{self.digest}$i={self.iterations}${_base64(self.salt)}${_base64(self.derived)}"


def checked(written: str) -> str:
    """Return a hash that can be kept and checked. Raises UnusableHash."""
    if len(written) > LONGEST:
        raise UnusableHash(f"the password hash is longer than {LONGEST} characters")
    if written.startswith("$argon2"):
        _check_argon2(written)
    elif written.startswith("$2"):
        _bcrypt_cost(written)
    else:
        _read_pbkdf2(written)
    return written


def is_foreign(known: str) -> bool:
    """Return whether a hash is checked in this module; Argon2 hashes are checked like our own."""
    return not known.startswith("$argon2")


def verify(known: str, given: bytes) -> bool:
    """Return whether a password matches this hash; an unreadable hash matches none."""
    try:
        return _verify_bcrypt(known, given) if known.startswith("$2") else _verify_pbkdf2(known, given)
    except UnusableHash:
        return False


def quickest(act: Callable[[], object]) -> float:
    """Return the least CPU time of this thread, in seconds, that a function takes in five runs."""
    taken = []
    for _ in range(5):
        begun = time.thread_time()
        act()
        taken.append(time.thread_time() - begun)
    return min(taken)


def seconds_of(known: str) -> float:
    """Estimate how many seconds of CPU time it takes to check a hash on this machine."""
    try:
        if known.startswith("$2"):
            return _seconds_of_bcrypt() * 2.0 ** (_bcrypt_cost(known) - _LEAST_BCRYPT_COST)
        parts = _read_pbkdf2(known)
        return _seconds_of_pbkdf2(parts.digest) * parts.iterations / LEAST_ITERATIONS
    except UnusableHash:
        return 0.0


def _check_argon2(written: str) -> None:
    try:
        parameters = extract_parameters(written)
    except (InvalidHashError, ValueError) as exc:
        raise UnusableHash("the password hash is not one of Argon2") from exc
    work = parameters.memory_cost * parameters.time_cost
    if (
        parameters.memory_cost > MOST_ARGON2_MEMORY
        or work > _MOST_ARGON2_WORK
        or parameters.parallelism > _MOST_LANES
    ):
        raise UnusableHash("the password hash costs too much: Argon2 with more memory or passes than allowed")


def _bcrypt_cost(written: str) -> int:
    found = _BCRYPT.fullmatch(written)
    if found is None:
        raise UnusableHash("the password hash is not one of bcrypt")
    cost = int(found[1])
    if not _LEAST_BCRYPT_COST <= cost <= MOST_BCRYPT_COST:
        raise UnusableHash(
            f"the password hash costs too much or too little: bcrypt with {cost} rounds, "
            f"not {_LEAST_BCRYPT_COST} to {MOST_BCRYPT_COST}"
        )
    return cost


def _read_pbkdf2(written: str) -> Pbkdf2:
    found = _PBKDF2.fullmatch(written)
    if found is None:
        raise UnusableHash("the password hash is of an unknown kind")
    digest, iterations = found[1], int(found[2])
    if not LEAST_ITERATIONS <= iterations <= MOST_ITERATIONS[digest]:
        raise UnusableHash(
            f"the password hash costs too much or too little: PBKDF2 with {iterations} iterations, "
            f"not {LEAST_ITERATIONS} to {MOST_ITERATIONS[digest]}"
        )
    parts = Pbkdf2(digest, iterations, _bytes_of(found[3]), _bytes_of(found[4]))
    if len(parts.derived) < _LEAST_HASH:
        raise UnusableHash(f"the password hash has fewer than {_LEAST_HASH} bytes")
    return parts


def _verify_bcrypt(known: str, given: bytes) -> bool:
    import bcrypt

    _bcrypt_cost(known)
    try:
        return bcrypt.checkpw(given[:_BCRYPT_BYTES], known.encode())
    except ValueError:
        # The password contains NUL, at which bcrypt would stop reading.
        return False


def _verify_pbkdf2(known: str, given: bytes) -> bool:
    parts = _read_pbkdf2(known)
    # Blocks are derived independently (rfc8018 §5.2), so the first one proves the password. Deriving all of a
    # long hash would cost several times what the limit on iterations allows.
    first = parts.derived[: hashlib.new(parts.digest).digest_size]
    derived = hashlib.pbkdf2_hmac(parts.digest, given, parts.salt, parts.iterations, len(first))
    return hmac.compare_digest(derived, first)


@cache
def _seconds_of_bcrypt() -> float:
    import bcrypt

    salt = bcrypt.gensalt(_LEAST_BCRYPT_COST)
    return quickest(lambda: bcrypt.hashpw(b"the password of no account", salt))


@cache
def _seconds_of_pbkdf2(digest: str) -> float:
    return quickest(
        lambda: hashlib.pbkdf2_hmac(digest, b"no account", b"no salt is needed", LEAST_ITERATIONS)
    )


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode().rstrip("=")


def _bytes_of(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error as exc:
        raise UnusableHash("the password hash is not in base64") from exc
