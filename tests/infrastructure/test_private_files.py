"""The embedded database holds password hashes and sealed keys: other users of the machine cannot read it."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from provider.app import create_app
from provider.config import Settings
from provider.infrastructure import schema
from provider.infrastructure.database import db

OPEN = 0o644


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder that existed before and that everyone may enter."""
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(0o755)
    return folder


def modes_while_in_use(settings: Settings, folder: Path) -> dict[str, str]:
    """Write into the database; return the modes of all files of the folder while it is open."""
    with create_app(settings).app_context():
        schema.upgrade(db.engine)
        with db.engine.connect():
            found = {path.name: f"{path.stat().st_mode & 0o777:o}" for path in folder.iterdir()}
        db.engine.dispose()
    return found


def test_a_new_database_in_an_open_folder_is_its_owners_alone(folder):
    found = modes_while_in_use(Settings(data_dir=folder), folder)

    assert {"curfew.sqlite3", "curfew.sqlite3-wal", "curfew.sqlite3-shm", "secret.key"} <= found.keys()
    assert set(found.values()) == {"600"}


def test_a_database_that_others_could_read_is_closed_to_them(folder):
    path = folder / "curfew.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
    for name in ("curfew.sqlite3", "curfew.sqlite3-wal", "curfew.sqlite3-shm"):
        (folder / name).touch()
        (folder / name).chmod(OPEN)

    found = modes_while_in_use(Settings(data_dir=folder), folder)

    assert set(found.values()) == {"600"}


def test_a_database_elsewhere_is_private_too(tmp_path, folder):
    url = f"sqlite:///{folder / 'own.sqlite3'}"

    found = modes_while_in_use(Settings(data_dir=tmp_path / "other", database_url=url), folder)

    assert set(found.values()) == {"600"}
