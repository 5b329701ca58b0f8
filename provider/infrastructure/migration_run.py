"""One run of migrations: never two at once, and never holding up requests for long.

On PostgreSQL each revision is one transaction, or runs outside of one (`online_change`). Requests for a table
queue behind a migration that is waiting for its lock, so that wait is short. On SQLite, whose processes are
stopped for an upgrade, all revisions are one transaction.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from provider.config.values import write_timedelta
from provider.infrastructure.engine import WRITES

# The advisory lock that is held while a database is migrated; the same number in all releases.
_LOCK = 7_402_163_559_018_245_371
_POLL_SECONDS = 0.2


class NotApplied(Exception):
    """A migration was given up because others were using the database; it can be run again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Time limits of a migration on PostgreSQL while requests may have to wait for it."""

    # Less than a request may wait for the database, so that those behind the lock are answered in time.
    lock: timedelta = timedelta(seconds=3)
    statement: timedelta = timedelta(seconds=30)


USUAL_PATIENCE = Patience()


@contextmanager
def one_at_a_time(
    engine: Engine, patience: Patience, when_waiting: Callable[[], None]
) -> Iterator[Connection]:
    """Hold a connection for one run of migrations; another run waits until it is closed.

    `when_waiting` is called once if there is another run. Raises NotApplied for what the limits end.
    """
    if engine.dialect.name == "sqlite":
        with engine.execution_options(**{WRITES: True}).begin() as connection:
            yield connection
        return
    with engine.connect() as connection:
        try:
            _wait_for_lock(connection, when_waiting)
            _limit(connection, patience)
            yield connection
        except DBAPIError as exc:
            why = _why_given_up(exc, patience)
            if why is None:
                raise
            raise NotApplied(why) from exc
        finally:
            # Closed instead of going back to the pool: the lock and the limits end with it.
            connection.invalidate()


def _wait_for_lock(connection: Connection, when_waiting: Callable[[], None]) -> None:
    """Take the lock of all runs.

    A session that waited for it in a statement would itself be waited for by CREATE INDEX CONCURRENTLY.
    """
    if _has_locked(connection):
        return
    when_waiting()
    while not _has_locked(connection):
        time.sleep(_POLL_SECONDS)


def _has_locked(connection: Connection) -> bool:
    locked = bool(connection.scalar(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": _LOCK}))
    connection.commit()
    return locked


def _limit(connection: Connection, patience: Patience) -> None:
    for name, span in (("lock_timeout", patience.lock), ("statement_timeout", patience.statement)):
        connection.execute(text(f"SET {name} = {round(span.total_seconds() * 1000)}"))
    connection.commit()


def _why_given_up(exc: DBAPIError, patience: Patience) -> str | None:
    match getattr(exc.orig, "sqlstate", None):
        case "55P03":
            return f"another transaction has held a lock for {write_timedelta(patience.lock)}"
        case "40P01":
            return "it and another transaction were waiting for each other"
        case "57014":
            return "a statement took too long (see --statement-timeout), or was cancelled"
    return None
