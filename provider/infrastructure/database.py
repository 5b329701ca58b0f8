"""The one door to the database: the base of all tables, and transactions."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, TypeVar, cast

from flask_sqlalchemy.session import Session as FlaskSession
from sqlalchemy import (
    BindParameter,
    Connection,
    CursorResult,
    DateTime,
    Delete,
    Dialect,
    Engine,
    ForeignKey,
    MetaData,
    TypeDecorator,
    Update,
    bindparam,
)
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import DeclarativeBase

from provider.infrastructure import event_log
from provider.infrastructure.application_database import (
    BlockInContext,
    Database,
    id_of_context,
    kept_in_context,
)
from provider.infrastructure.connection_pool import READER, Alone
from provider.infrastructure.database_errors import is_deadlock
from provider.infrastructure.engine import READS
from provider.infrastructure.follow_up import FollowUp
from provider.infrastructure.gathered import Gathered
from provider.infrastructure.instants import aware, in_utc
from provider.infrastructure.open_transaction import OpenTransaction

T = TypeVar("T")

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
# The name in `g` of the open transaction.
_OPEN = "curfew_transaction"
_TRIES = 3


class Outdated(Exception):
    """Data that a use case has read was changed before it could write; the use case must be repeated."""


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

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], datetime | None] | None:
        """Return how a value is bound: PostgreSQL's driver takes the instant as it is."""
        return super().bind_processor(dialect) if dialect.name == "sqlite" else aware

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None] | None:
        """Return how a value is read: PostgreSQL's driver gives the instant, in the zone of the server."""
        return super().result_processor(dialect, coltype) if dialect.name == "sqlite" else in_utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 – the signature is SQLAlchemy's.
        """Return the instant in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# The present instant in a statement that is built once, when its module is imported.
NOW: BindParameter[datetime] = bindparam("now", type_=UTCDateTime())
Instant = datetime | BindParameter[datetime]


def foreign_key(target: str) -> ForeignKey:
    """Return a foreign key that is checked at the commit.

    The rows of one transaction may then be written in any order: an ended row may refer to its logout before
    the logout is inserted.
    """
    return ForeignKey(target, deferrable=True, initially="DEFERRED")


class Session(FlaskSession):
    """A session that joins the open transaction, and begins none without one; its end never fails.

    The server rolls back the uncommitted work of a lost connection; an error in the rollback must not replace
    the result or the error of the work itself.
    """

    @cached_property
    def _reader(self) -> Engine:
        engine = self._db.engine
        reading: Engine = engine.get_execution_options().get(READER, engine)
        return reading

    def get_bind(self, *_: Any, bind: Engine | Connection | None = None, **__: Any) -> Engine | Connection:
        """Return the open transaction's connection; without a transaction, an engine in autocommit."""
        opened = _open_transaction()
        return bind or (self._reader if opened is None else opened.connection())

    def rollback(self) -> None:
        """Roll back, or drop the connection if even that cannot be said."""
        try:
            super().rollback()
        except Exception as exc:  # noqa: BLE001 – logged; the connection is dropped.
            self._drop(exc)

    def close(self) -> None:
        """Give the connection back, or drop it."""
        try:
            super().close()
        except Exception as exc:  # noqa: BLE001 – logged; the connection is dropped.
            self._drop(exc)

    def _drop(self, exc: Exception) -> None:
        event_log.warning("database_lost_at_rollback", kind=type(exc).__name__)
        self.invalidate()


db = Database(
    model_class=Base,
    session_options={
        "class_": Session,
        "expire_on_commit": False,
        "autoflush": False,
        "scopefunc": id_of_context,
    },
)


def is_sqlite() -> bool:
    """Return whether the database is SQLite."""
    return bool(db.engine.dialect.name == "sqlite")


@contextmanager
def transaction() -> Iterator[None]:
    """Hold one use case's writes: commit at the end, roll back on any error.

    Acts registered with `after_commit` run once the commit is certain.
    """
    if _is_in_block():
        raise RuntimeError("a transaction is already open: one commit per use case")
    _give_back()
    kept, opened = kept_in_context(), OpenTransaction(db.engine)
    kept[_OPEN] = opened
    try:
        opened.begin()
        yield
        opened.commit(_session_if_any())
    except BaseException:
        opened.roll_back(_session_if_any())
        raise
    finally:
        del kept[_OPEN]
    for follow_up in opened.follow_ups:
        follow_up.carry_out()


def in_transaction(act: Callable[[], T]) -> T:
    """Run a use case in one transaction and return its result.

    PostgreSQL gives up one of two transactions that wait for each other; nothing of it has happened
    then, and it is done again, as is one whose reads were outdated at its commit.
    """
    for tries_left in reversed(range(_TRIES)):
        try:
            with transaction():
                return act()
        except Outdated:
            if not tries_left:
                raise
        except OperationalError as exc:
            if not tries_left or not is_deadlock(exc):
                raise
            event_log.warning("deadlock_retried")
    raise AssertionError("the last try returns or raises")


def connection() -> Connection:
    """Return the connection of the open transaction, or else the one on which the session reads."""
    opened = _open_transaction()
    return db.session.connection() if opened is None else opened.connection()


def connection_to_read() -> Connection | Alone | None:
    """Return the connection on which the open work reads; None without a transaction or other reads."""
    opened = _open_transaction()
    if opened is not None:
        return opened.connection_to_read()
    session = _session_if_any()
    return session.connection() if session is not None and session.in_transaction() else None


def change(statement: Update | Delete) -> int:
    """Run a conditional update or delete and return how many rows it met: that decides who may act."""
    result = db.session.execute(statement, execution_options={"synchronize_session": False})
    return cast("CursorResult[Any]", result).rowcount


def after_commit(act: Callable[[], T]) -> FollowUp[T]:
    """Do something once the present transaction is committed; never if it is rolled back."""
    opened = _open_transaction()
    if opened is None:
        raise RuntimeError("after_commit needs an open transaction")
    follow_up = FollowUp(act)
    opened.follow_ups.append(follow_up)
    return follow_up


def gathered() -> Gathered:
    """Return what the open transaction writes at its commit in one statement, and does not read before."""
    opened = _open_transaction()
    if opened is None:
        raise RuntimeError("only an open transaction gathers what is written at its commit")
    return opened.gathered


def write_gathered() -> None:
    """Write the gathered changes now: they are about to be read, or later rows are about to be locked."""
    opened = _open_transaction()
    if opened is not None:
        opened.write_gathered()


def reading() -> AbstractContextManager[None]:
    """Hold some reads and give their connection back, so that none is held while waiting for others.

    Each read sees what is committed when it begins; reads that need one snapshot must be one statement.
    Inside another block of reads, or a transaction, that block gives it back. After an error the request's or
    the command's end rolls back.
    """
    return BlockInContext(READS, inside_of=_OPEN, at_end=_give_back)


@contextmanager
def connection_released() -> Iterator[None]:
    """Hold no connection while waiting for anything but the database, such as an app's host or a hash.

    Raises RuntimeError inside of `transaction` and `reading`, which need theirs to the end.
    """
    if _is_in_block():
        raise RuntimeError("the connection is in use until the block around this one ends")
    _give_back()
    yield


def _give_back() -> None:
    """Commit, or only give back a connection that was read with: that begins no transaction."""
    session = _session_if_any()
    if session is not None and session.in_transaction():
        session.commit()


def _is_in_block() -> bool:
    kept = kept_in_context()
    return READS in kept or _OPEN in kept


def _open_transaction() -> OpenTransaction | None:
    opened: OpenTransaction | None = kept_in_context().get(_OPEN)
    return opened


def _session_if_any() -> Session | None:
    """Return the session, if there is one: finding rows by `read_only_rows` needs none."""
    return cast("Session", db.session()) if db.has_session() else None
