"""The meaning of an error of the database: away, read-only, a deadlock given up, or a wrong statement."""

from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from provider.infrastructure import event_log
from provider.infrastructure.engine import READ_ONLY

# Raised while the database is temporarily unavailable: the act is valid and may be repeated later.
AWAY: tuple[type[Exception], ...] = (
    # The database cannot be reached, was cut off, or is locked.
    OperationalError,
    # The driver's connection was lost before the statement was sent.
    InterfaceError,
    # It became read-only by a failover, or ended our transaction because we were idle in it for too long.
    InternalError,
    # All connections of the pool are in use, waiting for a database that does not respond.
    PoolTimeout,
)
_DEADLOCK = "40P01"
# "read_only_sql_transaction" and "idle_in_transaction_session_timeout".
_AWAY_INSIDE = frozenset({"25006", "25P03"})
# Ended in time: "query_canceled", "lock_not_available".
_ENDED_IN_TIME = frozenset({"57014", "55P03"})
# By class: the connection is broken, the server lacks memory, disk or connections, or is shutting down.
_TROUBLE = ("08", "53", "57P")
_SQLITE_TROUBLE = (
    *("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_FULL"),
    *("SQLITE_IOERR", "SQLITE_READONLY", "SQLITE_CANTOPEN"),
)


def is_deadlock(exc: Exception) -> bool:
    """Return whether PostgreSQL gave this transaction up because it and another waited for each other."""
    return isinstance(exc, OperationalError) and _sqlstate(exc) == _DEADLOCK


def is_away(exc: Exception) -> bool:
    """Return whether an act that failed with this error may succeed later, unchanged.

    Any other InternalError is attributed to the act: otherwise a damaged page would block everything queued
    behind it.
    """
    is_foreign = isinstance(exc, InternalError) and _sqlstate(exc) not in _AWAY_INSIDE
    return isinstance(exc, AWAY) and not is_foreign


def log_failure(event: str, exc: Exception, **fields: object) -> None:
    """Log a failed act that is repeated: in one line while the database is away, else with a traceback."""
    if is_unreachable(exc) or is_read_only(exc):
        event_log.warning(event, **fields, reason=" ".join(str(getattr(exc, "orig", exc)).split()))
    else:
        event_log.error(event, **fields, exc_info=True)


def is_read_only(exc: Exception) -> bool:
    """Return whether a write failed because the database is read-only, as a standby or by configuration."""
    return isinstance(exc, DBAPIError) and (
        _sqlstate(exc) == READ_ONLY or getattr(exc.orig, "sqlite_errorname", "").startswith("SQLITE_READONLY")
    )


def is_unreachable(exc: Exception) -> bool:
    """Return whether an error means that the database is away or locked, not that a statement was wrong."""
    if not isinstance(exc, DBAPIError):
        return isinstance(exc, AWAY)
    if exc.connection_invalidated or isinstance(exc, InterfaceError):
        return True
    state = _sqlstate(exc)
    if state is not None:
        return state in _AWAY_INSIDE | _ENDED_IN_TIME or state.startswith(_TROUBLE)
    said = str(exc.orig)
    is_of_sqlite = getattr(exc.orig, "sqlite_errorname", "").startswith(_SQLITE_TROUBLE)
    return is_of_sqlite or "database is locked" in said or "connection" in said


def _sqlstate(exc: DBAPIError) -> str | None:
    return getattr(exc.orig, "sqlstate", None)
