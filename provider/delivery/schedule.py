"""When the next attempt is made (DLV-09): the operator's waits, spread a little, and Retry-After."""

import hashlib
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from uuid import UUID

# A fifth in either direction, so that apps that failed together are not retried together.
SPREAD = 0.2
LONGEST_RETRY_AFTER = timedelta(hours=1)
LAST_CHANCE_BEFORE = timedelta(minutes=1)
_MOST_DIGITS = 9


def wait_after(try_number: int, waits: tuple[timedelta, ...], delivery_id: UUID) -> timedelta:
    """Return how long to wait after a failed try; beyond the schedule its last wait is repeated.

    The spread follows from the delivery and the try alone, so the same history gives the same plan.
    """
    return spread(waits[min(try_number, len(waits)) - 1], delivery_id, try_number)


def within_horizon(at: datetime, now: datetime, expires_at: datetime, delivery_id: UUID) -> datetime | None:
    """Return when to try next: as planned, or a last time before the horizon if there is time; else None."""
    if at < expires_at:
        return at
    last_chance = expires_at - spread(LAST_CHANCE_BEFORE, delivery_id, 0)
    return last_chance if last_chance > now + LAST_CHANCE_BEFORE else None


def spread(wait: timedelta, delivery_id: UUID, try_number: int) -> timedelta:
    """Return a wait moved by up to a fifth."""
    digest = hashlib.sha256(f"{delivery_id}/{try_number}".encode()).digest()
    fraction = int.from_bytes(digest[:4], "big") / 0xFFFFFFFF
    return wait * (1 - SPREAD + 2 * SPREAD * fraction)


def read_retry_after(text: str | None, now: datetime) -> timedelta:
    """Return what Retry-After asks for (rfc9110 §10.2.3), at most an hour; garbage counts as zero."""
    text = (text or "").strip()
    if text.isascii() and text.isdecimal():
        # More digits than that are beyond the cap, and beyond what a timedelta can hold.
        return LONGEST_RETRY_AFTER if len(text) > _MOST_DIGITS else _capped(timedelta(seconds=int(text)))
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return timedelta(0)
    return _capped((at if at.tzinfo else at.replace(tzinfo=UTC)) - now)


def _capped(asked: timedelta) -> timedelta:
    return max(timedelta(0), min(asked, LONGEST_RETRY_AFTER))
