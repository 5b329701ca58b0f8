"""A store in two tables of the app's own database; tested on PostgreSQL and SQLite.

It uses transactions of its own, so it is independent of the app's, and no syntax of a particular dialect.
Expired rows are deleted while others are written, once a minute by each process.
"""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import wraps
from typing import ParamSpec, TypeVar

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Float,
    MetaData,
    String,
    Table,
    create_engine,
    delete,
    insert,
    inspect,
    or_,
    select,
    update,
)
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from curfew_rp.errors import StoreUnavailable
from curfew_rp.stores.limits import LINKS_KEPT

# For the app's own migrations, such as Alembic's, whose `target_metadata` may be a list.
metadata = MetaData()
_SECONDS_BETWEEN_PRUNINGS = 60.0
_KEY_LENGTH = 200
MARK = Table(
    "curfew_rp_mark",
    metadata,
    Column("key", String(_KEY_LENGTH), primary_key=True),
    Column("value", Float(53), nullable=False),
    Column("expires_at", Float(53), nullable=False, index=True),
)
LINK = Table(
    "curfew_rp_link",
    metadata,
    Column("key", String(_KEY_LENGTH), primary_key=True),
    Column("member", String(_KEY_LENGTH), primary_key=True),
    Column("expires_at", Float(53), nullable=False, index=True),
)
Args = ParamSpec("Args")
Result = TypeVar("Result")


def _translated(method: Callable[Args, Result]) -> Callable[Args, Result]:
    """Raise StoreUnavailable for every database error, including a missing table."""

    @wraps(method)
    def translated(*args: Args.args, **kwargs: Args.kwargs) -> Result:
        try:
            return method(*args, **kwargs)
        except SQLAlchemyError as exc:
            raise StoreUnavailable(f"database: {type(exc).__name__}") from exc

    return translated


class SQLAlchemyStore:
    """Marks and links as rows. Call `create_tables` once, or write migrations based on `metadata`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._pruned_at = time.monotonic()

    @classmethod
    def from_url(cls, url: str) -> "SQLAlchemyStore":
        """Return a store with its own engine; create the tables if they are missing."""
        store = cls(create_engine(url, pool_pre_ping=True))
        store.create_tables()
        return store

    def close(self) -> None:
        """Close the connections of its engine."""
        self._engine.dispose()

    @_translated
    def create_tables(self) -> None:
        """Create the tables that are missing; several processes may do so at once."""
        try:
            metadata.create_all(self._engine)
        except DBAPIError:
            # If the tables exist now, another process created them first.
            present = inspect(self._engine).get_table_names()
            if not {MARK.name, LINK.name} <= set(present):
                raise

    @_translated
    def claim(self, key: str, seconds: float) -> bool:
        """Set a mark that does not exist yet."""
        now = time.time()
        self._prune(now)
        with self._engine.begin() as connection:
            connection.execute(delete(MARK).where(MARK.c.key == key, MARK.c.expires_at <= now))
        return self._insert_mark(key, now, now + seconds)

    @_translated
    def raise_mark(self, key: str, value: float, seconds: float) -> None:
        """Set a mark unless it is already greater."""
        now = time.time()
        self._prune(now)
        with self._engine.begin() as connection:
            raised = _raise(connection, key, value, now, seconds)
        # Another process may have inserted the row in between; then raise that mark if it is lower.
        if not raised and not self._insert_mark(key, value, now + seconds):
            with self._engine.begin() as connection:
                _raise(connection, key, value, now, seconds)

    @_translated
    def marks(self, keys: Sequence[str]) -> dict[str, float]:
        """Return the existing ones of these marks."""
        asked = select(MARK.c.key, MARK.c.value).where(MARK.c.key.in_(keys), MARK.c.expires_at > time.time())
        with self._engine.connect() as connection:
            return {row.key: row.value for row in connection.execute(asked)}

    @_translated
    def link(self, keys: Iterable[str], member: str, seconds: float) -> None:
        """Add a member under each key."""
        now = time.time()
        self._prune(now)
        for key in keys:
            row = {"key": key, "member": member, "expires_at": now + seconds}
            # If another process has just inserted the same link, nothing is left to do.
            with suppress(IntegrityError), self._engine.begin() as connection:
                connection.execute(delete(LINK).where(LINK.c.key == key, LINK.c.member == member))
                connection.execute(insert(LINK).values(row))
                _drop_oldest(connection, key)

    @_translated
    def members(self, key: str) -> list[str]:
        """Return the members under a key."""
        asked = select(LINK.c.member).where(LINK.c.key == key, LINK.c.expires_at > time.time())
        with self._engine.connect() as connection:
            return list(connection.scalars(asked))

    @_translated
    def unlink(self, keys: Iterable[str], members: Iterable[str]) -> None:
        """Remove members under each key."""
        named, gone = list(keys), list(members)
        with self._engine.begin() as connection:
            connection.execute(delete(LINK).where(LINK.c.key.in_(named), LINK.c.member.in_(gone)))

    def _insert_mark(self, key: str, value: float, expires_at: float) -> bool:
        """Insert a mark in its own transaction; return False if the key exists."""
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(MARK).values(key=key, value=value, expires_at=expires_at))
        except IntegrityError:
            return False
        return True

    def _prune(self, now: float) -> None:
        with self._lock:
            if time.monotonic() - self._pruned_at < _SECONDS_BETWEEN_PRUNINGS:
                return
            self._pruned_at = time.monotonic()
        for table in (MARK, LINK):
            with self._engine.begin() as connection:
                connection.execute(delete(table).where(table.c.expires_at <= now))


def _raise(connection: Connection, key: str, value: float, now: float, seconds: float) -> bool:
    """Raise a mark that is not higher or has expired; return whether there was one."""
    lower = or_(MARK.c.value <= value, MARK.c.expires_at <= now)
    raised = update(MARK).where(MARK.c.key == key, lower).values(value=value, expires_at=now + seconds)
    return connection.execute(raised).rowcount == 1


def _drop_oldest(connection: Connection, key: str) -> None:
    kept = select(LINK.c.expires_at).where(LINK.c.key == key).order_by(LINK.c.expires_at.desc())
    edge = connection.scalar(kept.offset(LINKS_KEPT).limit(1))
    if edge is not None:
        connection.execute(delete(LINK).where(LINK.c.key == key, LINK.c.expires_at <= edge))
