"""Storage for sessions: texts under a key until they expire, in Redis or a database.

It does not know what a session is; that is `curfew_rp.gate.sessions`. Methods raise StoreUnavailable.
"""

import os
import threading
import time
from collections.abc import Callable, Iterable
from functools import wraps
from pathlib import Path
from typing import Any, NamedTuple, ParamSpec, Protocol, TypeVar

import redis
from sqlalchemy import (
    Column,
    Engine,
    Float,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    delete,
    event,
    insert,
    inspect,
    select,
    update,
)
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from curfew_rp.errors import StoreUnavailable
from curfew_rp.stores.redis import TIMEOUT_SECONDS, RedisStore
from curfew_rp.stores.sqlalchemy import SQLAlchemyStore

_SECONDS_BETWEEN_PRUNINGS = 60.0
metadata = MetaData()
RECORD = Table(
    "curfew_rp_gate_session",
    metadata,
    Column("key", String(200), primary_key=True),
    Column("text", Text, nullable=False),
    Column("expires_at", Float(53), nullable=False, index=True),
)
Args = ParamSpec("Args")
Result = TypeVar("Result")


class Kept(NamedTuple):
    """A text and the number of seconds for which it is still kept."""

    text: str
    seconds_left: float


class Records(Protocol):
    """The interface of both kinds of store."""

    def put(self, key: str, text: str, seconds: float) -> None:
        """Keep a text."""

    def get(self, key: str) -> Kept | None:
        """Return the text, or None."""

    def extend(self, key: str, seconds: float) -> None:
        """Keep an existing text for `seconds` from now on; do not revive an expired one."""

    def delete(self, keys: Iterable[str]) -> None:
        """Drop texts."""


def open_stores(url: str) -> tuple[RedisStore | SQLAlchemyStore, Records]:
    """Open the store at a URL, for marks of logouts and for sessions."""
    if url.startswith(("redis://", "rediss://", "unix://")):
        client = redis.Redis.from_url(
            url,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            health_check_interval=30,
        )
        return RedisStore(client), RedisRecords(client)
    engine = create_engine(url, pool_pre_ping=True)
    if engine.dialect.name == "sqlite":
        _prepare_sqlite(engine)
    store, records = SQLAlchemyStore(engine), DatabaseRecords(engine)
    store.create_tables()
    records.create_tables()
    return store, records


def _prepare_sqlite(engine: Engine) -> None:
    """Restrict the file to its owner, and let other processes read while one writes."""
    if engine.url.database:
        path = Path(engine.url.database)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))

    @event.listens_for(engine, "connect")
    def use_wal(connection: Any, _: ConnectionPoolEntry) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        # A logout that was answered with 200 must survive a power failure.
        connection.execute("PRAGMA synchronous = FULL")


def _translated(method: Callable[Args, Result]) -> Callable[Args, Result]:
    @wraps(method)
    def translated(*args: Args.args, **kwargs: Args.kwargs) -> Result:
        try:
            return method(*args, **kwargs)
        except (redis.RedisError, SQLAlchemyError) as exc:
            raise StoreUnavailable(f"sessions: {type(exc).__name__}") from exc

    return translated


class RedisRecords:
    """Texts as strings that Redis expires."""

    def __init__(self, client: "redis.Redis", *, prefix: str = "curfew_rp:gate:") -> None:
        self._redis: Any = client
        self._prefix = prefix

    @_translated
    def put(self, key: str, text: str, seconds: float) -> None:
        """Keep a text."""
        self._redis.set(self._prefix + key, text, px=_milliseconds(seconds))

    @_translated
    def get(self, key: str) -> Kept | None:
        """Return the text, or None."""
        with self._redis.pipeline(transaction=False) as pipe:
            text, left = pipe.get(self._prefix + key).pttl(self._prefix + key).execute()
        if text is None:
            return None
        return Kept(text if isinstance(text, str) else text.decode(), left / 1000)

    @_translated
    def extend(self, key: str, seconds: float) -> None:
        """Keep a text that is there for so long from now on."""
        self._redis.pexpire(self._prefix + key, _milliseconds(seconds))

    @_translated
    def delete(self, keys: Iterable[str]) -> None:
        """Drop texts."""
        if named := [self._prefix + key for key in keys]:
            self._redis.delete(*named)


class DatabaseRecords:
    """Texts as rows; expired ones are deleted while others are written, once a minute by each process."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._pruned_at = time.monotonic()

    @_translated
    def create_tables(self) -> None:
        """Create the table if it is missing; several processes may do so at once."""
        try:
            metadata.create_all(self._engine)
        except DBAPIError:
            if RECORD.name not in inspect(self._engine).get_table_names():
                raise

    @_translated
    def put(self, key: str, text: str, seconds: float) -> None:
        """Keep a text."""
        self._prune()
        row = {"text": text, "expires_at": time.time() + seconds}
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(RECORD).values(key=key, **row))
        except IntegrityError:
            with self._engine.begin() as connection:
                connection.execute(update(RECORD).where(RECORD.c.key == key).values(**row))

    @_translated
    def get(self, key: str) -> Kept | None:
        """Return the text, or None."""
        now = time.time()
        asked = select(RECORD.c.text, RECORD.c.expires_at).where(RECORD.c.key == key)
        with self._engine.connect() as connection:
            found = connection.execute(asked.where(RECORD.c.expires_at > now)).one_or_none()
        return None if found is None else Kept(found.text, found.expires_at - now)

    @_translated
    def extend(self, key: str, seconds: float) -> None:
        """Keep a text that is there for so long from now on."""
        now = time.time()
        is_there = (RECORD.c.key == key, RECORD.c.expires_at > now)
        with self._engine.begin() as connection:
            connection.execute(update(RECORD).where(*is_there).values(expires_at=now + seconds))

    @_translated
    def delete(self, keys: Iterable[str]) -> None:
        """Drop texts."""
        with self._engine.begin() as connection:
            connection.execute(delete(RECORD).where(RECORD.c.key.in_(list(keys))))

    def _prune(self) -> None:
        with self._lock:
            if time.monotonic() - self._pruned_at < _SECONDS_BETWEEN_PRUNINGS:
                return
            self._pruned_at = time.monotonic()
        with self._engine.begin() as connection:
            connection.execute(delete(RECORD).where(RECORD.c.expires_at <= time.time()))


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))
