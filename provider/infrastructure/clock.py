"""The only module that asks what time it is. Instants are aware and in UTC.

Nodes compare instants that other nodes have written, so each follows the clock of their common
database: the local clock is corrected by the offset that `database_clock` measures.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

Source = Callable[[], datetime]


_system: Source = partial(datetime.now, UTC)
_source: Source | None = None
_local: Source = _system
_offset = timedelta(0)


def now() -> datetime:
    """Return the present instant, in UTC."""
    return _source() if _source else _local() + _offset


def local() -> datetime:
    """Return the uncorrected time of this machine's clock; only the measurement of the offset uses it."""
    return _local()


def offset() -> timedelta:
    """Return how far the shared clock is ahead of this machine's own."""
    return _offset


def correct(by: timedelta) -> None:
    """Correct this machine's clock from now on."""
    global _offset  # noqa: PLW0603 – the one clock of the process is this module's purpose.
    _offset = by


def use(source: Source | None) -> None:
    """Take the time from another source, uncorrected; None returns to the system's clock."""
    global _source  # noqa: PLW0603 – the one clock of the process is this module's purpose.
    _source = source


def use_as_local(source: Source | None) -> None:
    """Take another source for this machine's own clock, which is corrected; None: the system's."""
    global _local  # noqa: PLW0603 – the one clock of the process is this module's purpose.
    _local = source or _system
