"""The only access to the time of day; instants are timezone-aware and in UTC."""

from datetime import UTC, datetime


def now() -> datetime:
    """Return the present moment."""
    return datetime.now(UTC)


def from_timestamp(seconds: float) -> datetime:
    """Return the instant of a NumericDate."""
    return datetime.fromtimestamp(seconds, UTC)
