"""Passwords: hashed with argon2id, a limited number at once, and in the same time for every account.

A password is hashed as it was received except for Unicode composition (NFC): the same keys typed on
two systems may arrive composed or decomposed, and are the same password (SEC-611).
"""

import math
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type, hash_secret_raw

from provider.accounts import foreign_hashes, hash_sealing
from provider.accounts.models import Account
from provider.infrastructure import current

MAX_BYTES = 1024
# How long a sign-in waits for a slot before it is refused with "try again" (THR-38).
LONGEST_WAIT_SECONDS = 3.0


class TooBusy(Exception):
    """This process is checking as many passwords as it may; try again in a moment."""


# The least memory of a hash, in KiB (rfc9106 §3.1).
_LEAST_MEMORY = 8
# Anything less is too quick to measure; in KiB and in seconds.
_LEAST_TO_MEASURE = 1024
_SHORTEST = 1e-5


@dataclass
class Hashing:
    """The hasher of one application, and the slots that bound how many passwords it works on at once."""

    hasher: PasswordHasher
    slots: threading.BoundedSemaphore
    # Checked when there is no account, so that an unknown name costs the same time (THR-35).
    dummy_hash: str = field(repr=False)
    # The cost of every check: as much as the costliest hash that this process has checked.
    work: int = 0
    # How long one pass over one KiB of memory takes; 0 until a foreign hash is checked.
    seconds_of_one: float = 0.0
    # How many seconds a check waits for a slot.
    longest_wait: float = LONGEST_WAIT_SECONDS

    @contextmanager
    def slot(self) -> Iterator[PasswordHasher]:
        """Hold a slot and yield the hasher. Raises TooBusy."""
        if not self.slots.acquire(timeout=self.longest_wait):
            raise TooBusy
        try:
            yield self.hasher
        finally:
            self.slots.release()

    def even_out(self, checked: str) -> None:
        """Do the work by which this hash was cheaper to check than the costliest one (THR-35).

        Checking a hash with older settings takes more or less time than checking the dummy one. The
        difference would reveal that the account exists and has not signed in since the settings changed.
        """
        done = self._work_of(checked)
        self.work = max(self.work or self._work_of(self.dummy_hash), done)
        spared = self.work - done
        if spared < _LEAST_MEMORY:
            return
        # No more memory at once than the settings allow.
        passes = math.ceil(spared / self.hasher.memory_cost)
        memory = max(_LEAST_MEMORY, spared // passes)
        hash_secret_raw(b"", b"no salt is needed", passes, memory, 1, self.hasher.hash_len, Type.ID)

    def _work_of(self, hash_: str) -> int:
        """Return the cost of checking a hash: its memory times its passes, or the equivalent in time."""
        if foreign_hashes.is_foreign(hash_):
            return round(foreign_hashes.seconds_of(hash_) / self._seconds_of_one())
        try:
            parameters = extract_parameters(hash_)
        except InvalidHashError:
            return 0
        return parameters.memory_cost * parameters.time_cost

    def _seconds_of_one(self) -> float:
        """Measure once how long a unit of work takes here; only needed for foreign hashes."""
        if not self.seconds_of_one:
            memory = max(self.hasher.memory_cost, _LEAST_TO_MEASURE)
            taken = foreign_hashes.quickest(
                lambda: hash_secret_raw(b"", b"no salt is needed", 1, memory, 1, 32, Type.ID)
            )
            self.seconds_of_one = max(taken, _SHORTEST) / memory
        return self.seconds_of_one


def hash_password(password: str, account_id: UUID) -> str:
    """Return the hash to store for an account's password. Raises TooBusy."""
    with hashing().slot() as hasher:
        made = hasher.hash(_as_bytes(password))
    return hash_sealing.seal(made, account_id)


def verify(account: Account | None, password: str) -> bool:
    """Return whether this is the account's password. Raises TooBusy.

    Takes the same time for an unknown account, for one without a password and for one whose hash was made
    with other settings. Does not check whether the account may sign in at all; that is up to the caller.
    """
    if is_too_long(password):
        return False
    given = _as_bytes(password)
    here = hashing()
    known = hash_sealing.open_hash(account) if account is not None else None
    checked = known or here.dummy_hash
    with here.slot() as hasher:
        is_right = _matches(hasher, checked, given)
        here.even_out(checked)
    return is_right and known is not None


def _matches(hasher: PasswordHasher, hash_: str, given: bytes) -> bool:
    """Return whether a password matches a hash, our own or another provider's."""
    if foreign_hashes.is_foreign(hash_):
        return foreign_hashes.verify(hash_, given)
    try:
        return bool(hasher.verify(hash_, given))
    except (VerificationError, InvalidHashError):
        return False


def is_too_long(password: str) -> bool:
    """Return whether a password is too long; the time for normalising grows with the square of the length."""
    # Composition never puts more than three characters into one byte, so this is too long in any case.
    return len(password) > 3 * MAX_BYTES or len(_as_bytes(password)) > MAX_BYTES


def needs_rehash(account: Account) -> bool:
    """Return whether the account's hash has outdated parameters, or is not sealed yet."""
    known = hash_sealing.open_hash(account)
    if known is None:
        return False
    if foreign_hashes.is_foreign(known):
        return True
    return hashing().hasher.check_needs_rehash(known) or hash_sealing.is_left_bare(account)


def hashing() -> Hashing:
    """Return the hasher of the current application."""
    return current.memo("password_hashing", _make_hashing)


def _make_hashing() -> Hashing:
    settings = current.settings()
    hasher = PasswordHasher(
        time_cost=settings.argon2_passes, memory_cost=settings.argon2_memory, parallelism=1
    )
    slots = threading.BoundedSemaphore(settings.argon2_concurrency)
    return Hashing(hasher, slots, hasher.hash("the password of no account"))


def _as_bytes(password: str) -> bytes:
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")
