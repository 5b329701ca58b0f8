"""The only place that asks what time it is. Instants are aware and in UTC."""

from collections.abc import Callable
from datetime import UTC, datetime

Source = Callable[[], datetime]


def _system() -> datetime:
    return datetime.now(UTC)


_source: Source = _system


def now() -> datetime:
    """Return the present instant, in UTC."""
    return _source()


def use(source: Source | None) -> None:
    """Take the time from another source; None returns to the system's clock."""
    global _source  # noqa: PLW0603 – the one clock of the process is this module's purpose.
    _source = source or _system
