"""The one door to the database: engine set-up, the base of all tables, transactions.

SQLite runs in WAL mode and takes its write lock at the beginning of a write (`BEGIN IMMEDIATE`):
a transaction that reads first and writes later would lose updates without an error.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, cast

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import (
    CursorResult,
    DateTime,
    Delete,
    Dialect,
    Engine,
    ForeignKey,
    MetaData,
    TypeDecorator,
    Update,
    event,
    make_url,
)
from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import DeclarativeBase

from provider.config import Settings
from provider.infrastructure import event_log

T = TypeVar("T")

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
# What is raised while the database is away for a time: the act is good, and may be done again later.
AWAY: tuple[type[Exception], ...] = (
    # It cannot be reached, was cut off, or is locked.
    OperationalError,
    # The driver's connection was lost before the statement was sent.
    InterfaceError,
    # It became read-only by a failover, or ended our transaction because we were idle in it for too long.
    InternalError,
    # All connections of the pool are taken, for they wait for a database that says nothing.
    PoolTimeout,
)
# A host that vanishes says nothing: libpq alone would wait for it as long as the system does, two hours.
_PATIENCE = {
    "connect_timeout": 5,
    # Asked whether it is there after 15 s without a word, and gone when three questions are not answered.
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    # Or when what we sent was not acknowledged for so long, in milliseconds; nobody asks meanwhile.
    "tcp_user_timeout": 30_000,
}
_WRITES = "curfew_writes"
_AFTER_COMMIT = "curfew_after_commit"
_DEADLOCK = "40P01"
# "read_only_sql_transaction" and "idle_in_transaction_session_timeout".
_AWAY_INSIDE = frozenset({"25006", "25P03"})
_TRIES = 3


class Base(DeclarativeBase):
    """The base of every table."""

    metadata = MetaData(naming_convention=NAMING)


class UTCDateTime(TypeDecorator[datetime]):
    """An instant: aware and UTC in Python, whatever the database keeps."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a naive instant; SQLite keeps UTC without a zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs its time zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 – the signature is SQLAlchemy's.
        """Return the instant in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def foreign_key(target: str) -> ForeignKey:
    """Return a foreign key that is checked at the commit.

    The rows of one transaction may then be written in any order, and what ends may name its ending
    before that has a row.
    """
    return ForeignKey(target, deferrable=True, initially="DEFERRED")


db = SQLAlchemy(model_class=Base, session_options={"expire_on_commit": False, "autoflush": False})


def engine_options(settings: Settings) -> dict[str, Any]:
    """Return the engine's options: a pool as large as the threads that may want a connection."""
    options: dict[str, Any] = {"pool_size": settings.database_pool_size, "max_overflow": 0}
    # An error message must not carry a statement's values into the log (KEY-27).
    options["hide_parameters"] = True
    if settings.resolved_database_url.startswith("sqlite"):
        options["connect_args"] = {"timeout": 15, "check_same_thread": False}
    else:
        options["pool_pre_ping"] = True
        options["pool_timeout"] = 10
        # What the operator has written into the URL stands.
        said = make_url(settings.resolved_database_url).query
        options["connect_args"] = {name: value for name, value in _PATIENCE.items() if name not in said}
    return options


def prepare_engine(engine: Engine, *, longest_pause: timedelta | None = None) -> None:
    """Teach an SQLite engine WAL and the two kinds of BEGIN, and PostgreSQL to give up sleepers.

    A process that sleeps for longer than `longest_pause` in the middle of a transaction loses it.
    """
    if engine.dialect.name != "sqlite":
        # Many rows are one INSERT; the driver would wait for the database row by row.
        engine.dialect.use_insertmanyvalues_wo_returning = True
        if longest_pause is not None:
            event.listen(engine, "connect", _limit_pauses(longest_pause))
        return
    event.listen(engine, "connect", _prepare_sqlite_connection)
    event.listen(engine, "begin", _begin_sqlite)


def _limit_pauses(longest: timedelta) -> Callable[[Any, Any], None]:
    """Have the database end a transaction whose holder is frozen or cut off; its locks make others wait."""

    def limit(connection: Any, _record: Any) -> None:
        milliseconds = round(longest.total_seconds() * 1000)
        connection.execute(f"SET idle_in_transaction_session_timeout = {milliseconds}")
        connection.commit()

    return limit


def _prepare_sqlite_connection(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "busy_timeout=15000"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Any) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    # Not on the driver's connection: an error must be SQLAlchemy's, as those of all other statements are.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def is_sqlite() -> bool:
    """Whether the database is SQLite."""
    return bool(db.engine.dialect.name == "sqlite")


def is_writing() -> bool:
    """Whether a transaction that writes is open."""
    return bool(db.session.info.get(_WRITES))


@contextmanager
def transaction() -> Iterator[None]:
    """Hold one use case's writes: commit at the end, roll back on any error.

    What was promised with `after_commit` happens once the commit is certain. On SQLite a read
    transaction that is still open is ended first, because it cannot become a writing one.
    """
    if db.session.info.get(_WRITES):
        raise RuntimeError("a transaction is already open: one commit per use case")
    if is_sqlite():
        db.session.commit()
        db.session.connection(execution_options={_WRITES: True})
    db.session.info[_WRITES] = True
    try:
        yield
        db.session.commit()
    except BaseException:
        db.session.info.pop(_AFTER_COMMIT, None)
        db.session.rollback()
        raise
    finally:
        db.session.info.pop(_WRITES, None)
    for act in db.session.info.pop(_AFTER_COMMIT, []):
        act()


def in_transaction(act: Callable[[], T]) -> T:
    """Do a use case in one transaction and return what it gave.

    PostgreSQL gives up one of two transactions that wait for each other; nothing of it has happened
    then, and it is done again.
    """
    for tries_left in reversed(range(_TRIES)):
        try:
            with transaction():
                return act()
        except OperationalError as exc:
            if not tries_left or not is_deadlock(exc):
                raise
            event_log.warning("deadlock_retried")
    raise AssertionError("the last try returns or raises")


def change(statement: Update | Delete) -> int:
    """Run a conditional update or delete and return how many rows it met, which is the truth of a claim."""
    result = db.session.execute(statement, execution_options={"synchronize_session": False})
    return cast("CursorResult[Any]", result).rowcount


def after_commit(act: Callable[[], None]) -> None:
    """Do something once the present transaction is committed; never if it is rolled back."""
    if not db.session.info.get(_WRITES):
        raise RuntimeError("after_commit needs an open transaction")
    db.session.info.setdefault(_AFTER_COMMIT, []).append(act)


def end_read() -> None:
    """Give back the connection of a finished read, so that none is held while waiting for others."""
    if db.session.info.get(_WRITES):
        raise RuntimeError("a transaction is open")
    db.session.commit()


def is_deadlock(exc: Exception) -> bool:
    """Whether PostgreSQL gave this transaction up because it and another waited for each other."""
    return isinstance(exc, OperationalError) and _sqlstate(exc) == _DEADLOCK


def is_away(exc: Exception) -> bool:
    """Whether an act that failed by this will do as it is later, and is not to be given up for others' sake.

    An InternalError of another kind is the act's own: a damaged page would otherwise hold up all behind it.
    """
    is_foreign = isinstance(exc, InternalError) and _sqlstate(exc) not in _AWAY_INSIDE
    return isinstance(exc, AWAY) and not is_foreign


def is_unreachable(exc: Exception) -> bool:
    """Whether an error means that the database is away or locked, not that a statement was wrong."""
    if not isinstance(exc, DBAPIError):
        return isinstance(exc, AWAY)
    if exc.connection_invalidated or isinstance(exc, InterfaceError):
        return True
    said = str(exc.orig)
    return _sqlstate(exc) in _AWAY_INSIDE or "database is locked" in said or "connection" in said


def _sqlstate(exc: DBAPIError) -> str | None:
    return getattr(exc.orig, "sqlstate", None)
