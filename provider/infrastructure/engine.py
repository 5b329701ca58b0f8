"""Connect to the database, with the limits of each kind of process.

SQLite runs in WAL mode and takes its write lock at the beginning of a write (`BEGIN IMMEDIATE`):
a transaction that reads first and writes later would lose updates without an error.
"""

import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from typing import Any

from sqlalchemy import Connection, Engine, event, make_url
from sqlalchemy.engine import ExceptionContext

from provider.config import Settings
from provider.infrastructure import database_clock
from provider.infrastructure.connection_pool import READER, ConnectionPool

# A vanished host sends nothing: by default libpq waits for it as long as the system does, two hours. With
# these, each end probes the other after 5 s of silence and gives up after three probes.
_KEEPALIVE = {"keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3}
# The same limit, in milliseconds, for sent data without acknowledgement, during which no keepalive is sent.
_UNACKNOWLEDGED = 10_000
_CONNECT_SECONDS = 5
# A worker has more threads than connections.
_POOL_SECONDS = 10
# The least time limit that libpq accepts.
_LEAST_CONNECT_SECONDS = 2
# Has the database check every 2000 ms whether the client of a running statement is still connected.
_CHECK_CLIENTS = (
    "SELECT set_config(name, '2000', false) FROM pg_settings"
    " WHERE name = 'client_connection_check_interval' AND version() !~* 'windows|msvc|mingw'"
)
# Random reads cost little more than sequential ones on an SSD or in memory. By the server's default, which is
# meant for disks that seek, PostgreSQL reads a table of a few pages as a whole for a single row of it.
_READ_BY_INDEX = (
    "SELECT set_config(name, '1.1', false) FROM pg_settings"
    " WHERE name = 'random_page_cost' AND source = 'default'"
)
# A command may prompt a person, or read a long table, in the middle of a transaction.
_COMMAND_PAUSE = timedelta(seconds=60)
_SQLITE_WAIT = timedelta(seconds=15)
_TRY_AGAIN_AFTER = 0.01
# "read_only_sql_transaction".
READ_ONLY = "25006"
WRITES, READS = "curfew_writes", "curfew_reads"


class Role(Enum):
    """The use that a process makes of the database, which decides its time limits."""

    # Answers requests: a person or app waits.
    WEB = auto()
    WORKER = auto()
    # An operator's command, which may have much to read.
    COMMAND = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits that the database enforces for a connection, even if its process or host is gone."""

    # For a statement, including its wait for a lock. None: no limit.
    statement: timedelta | None
    # For an idle transaction, after which its locks are released.
    pause: timedelta


def limits_of(role: Role, settings: Settings) -> Limits:
    """Return the limits for a kind of process."""
    match role:
        case Role.WEB:
            return Limits(statement=settings.database_deadline, pause=settings.database_pause)
        case Role.WORKER:
            return Limits(statement=None, pause=settings.database_pause)
        case Role.COMMAND:
            return Limits(statement=None, pause=max(_COMMAND_PAUSE, settings.database_pause))


def engine_options(settings: Settings, role: Role = Role.WEB) -> dict[str, Any]:
    """Return the engine's options: a pool as large as the threads that may want a connection."""
    url = settings.resolved_database_url
    # One more than the pool, for readiness probes while all others are taken.
    options: dict[str, Any] = {"pool_size": settings.database_pool_size, "max_overflow": 1}
    options |= {"poolclass": ConnectionPool, "pool_use_lifo": True}
    # An error message must not carry a statement's values into the log (KEY-27).
    options["hide_parameters"] = True
    if role is Role.WEB:
        # Commands and workers start without importing this library.
        from provider.infrastructure.stored_json import read_json, write_json

        options |= {"json_deserializer": read_json, "json_serializer": write_json}
    if url.startswith("sqlite"):
        wait = limits_of(role, settings).statement or _SQLITE_WAIT
        options["connect_args"] = {"timeout": wait.total_seconds(), "check_same_thread": False}
    else:
        options["pool_pre_ping"] = True
        is_web = role is Role.WEB
        options["pool_timeout"] = settings.database_deadline.total_seconds() if is_web else _POOL_SECONDS
        options["connect_args"] = _patience(url, settings, role)
    return options


def _patience(url: str, settings: Settings, role: Role) -> dict[str, int]:
    """Return the driver's time limits; the operator's own in the URL take precedence."""
    said = make_url(url).query
    seconds = _CONNECT_SECONDS
    if role is Role.WEB:
        # Each host of the URL gets its part of a request's time, so that an unreachable one leaves some for
        # the next.
        seconds = int(settings.database_deadline.total_seconds() / _count_hosts(said))
    limits = {"connect_timeout": max(seconds, _LEAST_CONNECT_SECONDS), **_KEEPALIVE}
    limits["tcp_user_timeout"] = _UNACKNOWLEDGED
    return {name: value for name, value in limits.items() if name not in said}


def _count_hosts(query: Any) -> int:
    hosts = query.get("host", ())
    return sum(text.count(",") + 1 for text in ((hosts,) if isinstance(hosts, str) else hosts)) or 1


def prepare_engine(engine: Engine, *, limits: Limits | None = None) -> None:
    """Set up WAL and the kinds of BEGIN on an SQLite engine, and the limits on a PostgreSQL engine."""
    _give_reader(engine)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _sqlite_preparation(limits))
        event.listen(engine, "begin", _begin_sqlite)
        return
    # Installed with the extra `postgres`; an installation on SQLite has no driver.
    from provider.infrastructure.postgres_connection import BoundedConnection, GivenUp, json_loader

    # Many rows are one INSERT; the driver would wait for the database row by row.
    engine.dialect.use_insertmanyvalues_wo_returning = True
    given_up = GivenUp(engine.pool.size() if hasattr(engine.pool, "size") else 1)

    def connect(_dialect: Any, _record: Any, args: Any, parameters: Any) -> Any:
        return BoundedConnection.open(given_up, *args, **parameters)

    event.listen(engine, "do_connect", connect)
    event.listen(engine, "connect", _leave_statements_alone)
    event.listen(engine, "connect", lambda connection, _record: database_clock.measure(connection))
    # The driver begins transactions on its own unless it is in autocommit, which is the normal state here:
    # only writing transactions turn it off.
    event.listen(engine, "begin", _begin_postgresql)
    event.listen(engine, "checkin", _leave_statements_alone)
    # In autocommit there is nothing to roll back.
    engine.dialect.skip_autocommit_rollback = True
    # The pool's test of a connection before each use.
    engine.dialect.do_ping = _works  # type: ignore[method-assign,assignment]
    if (read_json := engine.dialect._json_deserializer) is not None:  # noqa: SLF001 – `engine_options` gave it.
        loader = json_loader(read_json)
        event.listen(
            engine, "connect", lambda driver, _record: driver.adapters.register_loader("json", loader)
        )
    event.listen(engine, "engine_disposed", lambda _engine: given_up.forget())
    event.listen(engine, "handle_error", _leave_read_only_server)
    if limits is not None:
        said = str(engine.url.query.get("options", ""))
        event.listen(engine, "connect", _postgresql_preparation(limits, said))


def _works(connection: Any) -> bool:
    """Return whether a connection works; asked after a pause, or if the clocks are to be compared again."""
    if connection.is_trusted() and not database_clock.is_due():
        return True
    return database_clock.measure(connection)


def _leave_read_only_server(context: ExceptionContext) -> None:
    """Connect anew after a failover: a server that has become a standby does not soon become primary."""
    if getattr(context.original_exception, "sqlstate", None) == READ_ONLY:
        context.is_disconnect = True


def _postgresql_preparation(limits: Limits, said: str) -> Callable[[Any, Any], None]:
    """Have the database end the work of a client that is gone, even if its host has vanished or is cut off.

    The operator's own `options` in the URL take precedence.
    """
    values = {
        "idle_in_transaction_session_timeout": _milliseconds(limits.pause),
        # These cover a statement that is running or waiting for a lock.
        "tcp_keepalives_idle": _KEEPALIVE["keepalives_idle"],
        "tcp_keepalives_interval": _KEEPALIVE["keepalives_interval"],
        "tcp_keepalives_count": _KEEPALIVE["keepalives_count"],
        "tcp_user_timeout": _UNACKNOWLEDGED,
        # The driver converts each instant to the zone of the session, and in any other we convert it back.
        "TimeZone": "'UTC'",
    }
    if limits.statement is not None:
        values["statement_timeout"] = _milliseconds(limits.statement)
    statements = [f"SET {name} = {value}" for name, value in values.items() if name not in said]
    # Known since PostgreSQL 14, and refused by a server on Windows.
    statements += [_CHECK_CLIENTS, _READ_BY_INDEX]

    def prepare(connection: Any, _record: Any) -> None:
        connection.execute("; ".join(statements))

    return prepare


def _milliseconds(span: timedelta) -> int:
    return round(span.total_seconds() * 1000)


def _sqlite_preparation(limits: Limits | None) -> Callable[[Any, Any], None]:
    wait = (limits.statement if limits else None) or _SQLITE_WAIT
    pragmas = ("synchronous=NORMAL", "foreign_keys=ON", f"busy_timeout={_milliseconds(wait)}")

    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        _write_ahead(connection, wait)
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")

    return prepare


def _write_ahead(connection: Any, wait: timedelta) -> None:
    """Have SQLite write ahead; where several open a new file at once, each tries until one has changed it.

    SQLite's busy timeout does not apply here: two processes that have read the file would deadlock.
    """
    until = time.monotonic() + wait.total_seconds()
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as exc:
            if exc.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() >= until:
                raise
            time.sleep(_TRY_AGAIN_AFTER)
        else:
            return


def _give_reader(engine: Engine) -> None:
    """Give an engine a second one over the same pool that runs each statement without BEGIN and COMMIT.

    Each sees what is committed when it begins, as inside a transaction of PostgreSQL (READ COMMITTED).
    """
    engine.update_execution_options(**{READER: engine.execution_options(**{READS: True})})


def _begin_postgresql(connection: Connection) -> None:
    options = connection.get_execution_options()
    if not options.get(READS) and options.get("isolation_level") != "AUTOCOMMIT":
        connection.connection.dbapi_connection.autocommit = False  # type: ignore[union-attr]


def _leave_statements_alone(connection: Any, _record: Any) -> None:
    # A lost connection is None here.
    if connection is not None and not connection.closed and not connection.autocommit:
        connection.autocommit = True


def _begin_sqlite(connection: Any) -> None:
    options = connection.get_execution_options()
    if options.get(READS):
        return
    writes = options.get(WRITES, False)
    # Not on the driver's connection: errors must be SQLAlchemy's, as for all other statements.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
