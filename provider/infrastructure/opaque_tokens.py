"""The only place that makes random values: handles, tokens, identifiers.

A handle goes to its holder; we keep its SHA-256 digest. 256 random bits need no slow hash (KEY-21).
"""

import hashlib
import secrets
import time
from datetime import timedelta
from uuid import UUID

from provider.infrastructure import clock

HANDLE_BYTES = 32
_MILLISECOND = timedelta(milliseconds=1)


def new_handle(prefix: str = "") -> str:
    """Return a fresh handle of 256 random bits, with a prefix that secret scanners can recognise."""
    return prefix + secrets.token_urlsafe(HANDLE_BYTES)


def new_letters(alphabet: str, count: int) -> str:
    """Return so many random letters of an alphabet, for a code that a person can type."""
    return "".join(secrets.choice(alphabet) for _ in range(count))


def digest_of(handle: str) -> str:
    """Return the digest under which a handle is stored, as 64 hexadecimal digits."""
    return hashlib.sha256(handle.encode("utf-8", "surrogatepass")).hexdigest()


def new_id() -> UUID:
    """Return a row identifier that sorts by time of making (UUID version 7), never a secret."""
    # Rows of several nodes sort by one clock, too.
    stamp = time.time_ns() // 1_000_000 + clock.offset() // _MILLISECOND
    value = (stamp & (1 << 48) - 1) << 80 | secrets.randbits(80)
    value = value & ~(0xF << 76) | 0x7 << 76
    return UUID(int=value & ~(0x3 << 62) | 0x2 << 62)


def new_subject() -> str:
    """Return a random subject identifier for an account (core §2: at most 255 ASCII characters)."""
    return secrets.token_hex(16)
