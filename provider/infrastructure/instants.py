"""Instants on their way to a database that keeps their time zone, and back."""

from datetime import UTC, datetime


def aware(value: datetime | None) -> datetime | None:
    """Return an instant as it is. Raises ValueError without a time zone."""
    if value is not None and value.tzinfo is None:
        raise ValueError("an instant needs its time zone")
    return value


def in_utc(value: datetime | None) -> datetime | None:
    """Return an instant of any zone in UTC; most are already, and converting costs as much as reading."""
    return value if value is None or value.tzinfo is UTC else value.astimezone(UTC)
