"""The one door to the time of day; instants are aware and in UTC."""

from datetime import UTC, datetime


def now() -> datetime:
    """Return the present moment."""
    return datetime.now(UTC)


def from_timestamp(seconds: float) -> datetime:
    """Return the instant that a NumericDate means."""
    return datetime.fromtimestamp(seconds, UTC)
