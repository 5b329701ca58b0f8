"""The one door to the database: the base of all tables, and transactions."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, TypeVar, cast

from flask import g
from flask_sqlalchemy import SQLAlchemy
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
from provider.infrastructure.database_errors import is_deadlock
from provider.infrastructure.engine import READER, READS, WRITES
from provider.infrastructure.follow_up import FollowUp
from provider.infrastructure.gathered import Gathered

T = TypeVar("T")

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
_AFTER_COMMIT, _GATHERED = "curfew_after_commit", "curfew_gathered"
_CONNECTION = "curfew_connection"
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


# The present instant in a statement that is built once, when its module is imported.
NOW: BindParameter[datetime] = bindparam("now", type_=UTCDateTime())
Instant = datetime | BindParameter[datetime]


def foreign_key(target: str) -> ForeignKey:
    """Return a foreign key that is checked at the commit.

    The rows of one transaction may then be written in any order, and what ends may name its logout
    before that has a row.
    """
    return ForeignKey(target, deferrable=True, initially="DEFERRED")


class Session(FlaskSession):
    """A session that begins transactions only inside `transaction`, and whose end never fails.

    What a lost connection had not committed is rolled back by the server; an error in saying so must not
    replace the result or the error that the work has led to.
    """

    @cached_property
    def _engines(self) -> tuple[Engine, Engine]:
        engine = self._db.engine
        return engine, engine.get_execution_options().get(READER, engine)

    def get_bind(self, *_: Any, bind: Engine | Connection | None = None, **__: Any) -> Engine | Connection:
        """Return the engine, or outside of `transaction` one whose statements stand alone."""
        writing, reading = self._engines
        return bind or (writing if WRITES in self.info else reading)

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


db = SQLAlchemy(
    model_class=Base,
    session_options={"class_": Session, "expire_on_commit": False, "autoflush": False},
)


def is_sqlite() -> bool:
    """Return whether the database is SQLite."""
    return bool(db.engine.dialect.name == "sqlite")


@contextmanager
def transaction() -> Iterator[None]:
    """Hold one use case's writes: commit at the end, roll back on any error.

    What was promised with `after_commit` happens once the commit is certain.
    """
    if _is_in_block():
        raise RuntimeError("a transaction is already open: one commit per use case")
    _give_back()
    session = db.session()
    info = session.info
    info[WRITES] = True
    try:
        if is_sqlite():
            info[_CONNECTION] = session.connection(execution_options={WRITES: True})
        yield
        _write_gathered_at_end()
        _give_back()
    except BaseException:
        info.pop(_AFTER_COMMIT, None)
        info.pop(_GATHERED, None)
        session.rollback()
        raise
    finally:
        info.pop(WRITES, None)
        info.pop(_CONNECTION, None)
    for follow_up in info.pop(_AFTER_COMMIT, ()):
        follow_up.carry_out()


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


def connection() -> Connection:
    """Return the connection of the open transaction, or outside of one that of the session's reads.

    The session looks at its state each time it is asked for it; a transaction has the same one to its end.
    """
    session = db.session()
    info = session.info
    known: Connection | None = info.get(_CONNECTION)
    if known is None:
        known = session.connection()
        if WRITES in info:
            info[_CONNECTION] = known
    return known


def change(statement: Update | Delete) -> int:
    """Run a conditional update or delete and return how many rows it met: that decides who may act."""
    result = db.session.execute(statement, execution_options={"synchronize_session": False})
    return cast("CursorResult[Any]", result).rowcount


def after_commit(act: Callable[[], T]) -> FollowUp[T]:
    """Do something once the present transaction is committed; never if it is rolled back."""
    if not db.session.info.get(WRITES):
        raise RuntimeError("after_commit needs an open transaction")
    follow_up = FollowUp(act)
    db.session.info.setdefault(_AFTER_COMMIT, []).append(follow_up)
    return follow_up


def gathered() -> Gathered:
    """Return what the open transaction writes at its commit: what nothing in it reads, in one statement."""
    info = db.session.info
    if not info.get(WRITES):
        raise RuntimeError("only an open transaction gathers what is written at its commit")
    known: Gathered | None = info.get(_GATHERED)
    if known is None:
        known = info[_GATHERED] = Gathered()
    return known


def write_gathered() -> None:
    """Write what was gathered so far: for one who is about to read it, or to lock what comes after it."""
    found: Gathered | None = db.session.info.pop(_GATHERED, None)
    if found is not None:
        found.write(connection())


def _write_gathered_at_end() -> None:
    """Write what was gathered; alone and so without a transaction, if the use case did nothing else."""
    found: Gathered | None = db.session.info.get(_GATHERED)
    if found is None or is_sqlite() or not found.is_atomic or db.session().in_transaction():
        write_gathered()
        return
    del db.session.info[_GATHERED]
    with reader().connect() as alone:
        found.write(alone)


def reader() -> Engine:
    """Return the engine whose statements stand alone."""
    engine: Engine = db.engine.get_execution_options()[READER]
    return engine


@contextmanager
def reading() -> Iterator[None]:
    """Hold some reads and give their connection back, so that none is held while waiting for others.

    Each of them sees what is committed when it begins; what must be seen at one instant is one statement.
    Inside another block of reads, or a transaction, that block gives it back. After an error the request's or
    the command's end rolls back.
    """
    if _is_in_block():
        yield
        return
    setattr(g, READS, True)
    try:
        yield
        _give_back()
    finally:
        g.pop(READS, None)


@contextmanager
def connection_released() -> Iterator[None]:
    """Hold no connection while something else than the database is waited for: an app's host, a hash.

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
    session = _session_if_any()
    return READS in g or (session is not None and WRITES in session.info)


def _session_if_any() -> Session | None:
    """Return the session, if one was made: what only finds rows by `read_only_rows` needs none."""
    return cast("Session", db.session()) if db.session.registry.has() else None
