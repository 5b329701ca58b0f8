"""Parsing of instants and spans in command options."""

from datetime import UTC, datetime, timedelta
from typing import Any

import click

from provider.config.values import read_timedelta
from provider.infrastructure import clock


class PositiveSpan(click.ParamType[timedelta]):
    """A span of time such as `90s` or `5m`; it must not be zero."""

    name = "span"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Read the span."""
        if isinstance(value, timedelta):
            return value
        try:
            span = read_timedelta(value)
        except ValueError as exc:
            self.fail(f"{value[:40]!r} {exc}", param, ctx)
        if span < timedelta(milliseconds=1):
            self.fail(f"{value[:40]!r} is less than 1ms", param, ctx)
        return span


def read_instant(text: str) -> datetime:
    """Read an instant in ISO 8601; UTC if it names no zone."""
    try:
        return _instant(text)
    except ValueError:
        raise click.BadParameter("is not an instant like 2026-11-20T18:00Z") from None


def read_since(text: str) -> datetime:
    """Read an instant: in ISO 8601, or as a span before now."""
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
        # The first and last day of the calendar cannot be converted between all zones.
        raise ValueError("is out of range") from exc
