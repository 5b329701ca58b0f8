"""The only module that makes random values: handles, tokens, identifiers.

A handle goes to its holder; we keep its SHA-256 digest. 256 random bits need no slow hash (KEY-21).
"""

import hashlib
import os
import secrets
import time
from binascii import b2a_base64
from datetime import UTC, datetime, timedelta
from uuid import UUID, SafeUUID

from provider.infrastructure import clock

HANDLE_BYTES = 32
_EPOCH = datetime.fromtimestamp(0, UTC)
_MILLISECOND = timedelta(milliseconds=1)
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
# Looking up a member of an enumeration would take a call.
_UNKNOWN = SafeUUID.unknown


def new_handle(prefix: str = "") -> str:
    """Return a fresh handle of 256 random bits, with a prefix that secret scanners can recognise."""
    # Like secrets.token_urlsafe, in half the time; both read the system's randomness.
    letters = b2a_base64(os.urandom(HANDLE_BYTES), newline=False)
    return prefix + letters.translate(_URL_SAFE, b"=").decode()


def new_letters(alphabet: str, count: int) -> str:
    """Return so many random letters of an alphabet, for a code that a person can type."""
    return "".join(secrets.choice(alphabet) for _ in range(count))


def digest_of(handle: str) -> str:
    """Return the digest under which a handle is stored, as 64 hexadecimal digits."""
    return hashlib.sha256(handle.encode("utf-8", "surrogatepass")).hexdigest()


def new_id() -> UUID:
    """Return a row identifier that sorts by time of making (UUID version 7), never a secret."""
    return uuid_of(_new_bits())


def new_hex_id() -> str:
    """Return such an identifier for a log, as 32 hexadecimal digits."""
    return f"{_new_bits():032x}"


def first_id_at(instant: datetime) -> UUID:
    """Return an identifier that sorts before all that are made from this instant on."""
    return uuid_of(_bits_at(max(0, (instant - _EPOCH) // _MILLISECOND), 0))


def _new_bits() -> int:
    # Rows of several nodes sort by one clock, too.
    stamp = time.time_ns() // 1_000_000 + clock.offset() // _MILLISECOND
    return _bits_at(stamp, int.from_bytes(os.urandom(10)))


def _bits_at(stamp: int, rest: int) -> int:
    value = (stamp & (1 << 48) - 1) << 80 | rest
    value = value & ~(0xF << 76) | 0x7 << 76
    return value & ~(0x3 << 62) | 0x2 << 62


def uuid_of(value: int) -> UUID:
    """Return an identifier from its 128 bits, without the class's checks of which form is given."""
    made = object.__new__(UUID)
    # Set as the class itself does: an identifier is immutable.
    object.__setattr__(made, "int", value)
    object.__setattr__(made, "is_safe", _UNKNOWN)
    return made


def new_subject() -> str:
    """Return a random subject identifier for an account (core §2: at most 255 ASCII characters)."""
    return secrets.token_hex(16)
