"""Instants and spans as commands take them."""

from datetime import UTC, datetime

import click

from provider.config.values import read_timedelta
from provider.infrastructure import clock


def read_instant(text: str) -> datetime:
    """Read an instant in ISO 8601; without a zone it is in UTC."""
    try:
        return _instant(text)
    except ValueError:
        raise click.BadParameter("is no instant like 2026-11-20T18:00Z") from None


def read_since(text: str) -> datetime:
    """Read a span back from now, or an instant in ISO 8601."""
    try:
        return clock.now() - read_timedelta(text)
    except ValueError:
        pass
    try:
        return _instant(text)
    except ValueError:
        raise click.BadParameter("is neither a span like 24h nor an instant like 2026-11-20T18:00Z") from None


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    try:
        return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)
    except OverflowError as exc:
        # The first and the last day of the calendar do not exist in every zone.
        raise ValueError("is outside the calendar") from exc
