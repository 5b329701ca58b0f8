"""Files that only their owner may read: the embedded database holds password hashes and sealed keys.

SQLite gives `-wal`, `-shm` and journal files the mode of the database file, so that one decides.
"""

import os
from pathlib import Path

from sqlalchemy import make_url

from provider.config import Settings
from provider.infrastructure import event_log

_OTHERS = 0o077
_BESIDE = ("", "-wal", "-shm", "-journal")


def keep_private(settings: Settings) -> None:
    """Make the data folder; only its owner may read the embedded database and the files beside it.

    A folder that exists keeps its mode: the operator may keep other things in it.
    """
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    database = _sqlite_file(settings.resolved_database_url)
    if database is None:
        return
    _create(database)
    for path in (database.with_name(database.name + suffix) for suffix in _BESIDE):
        _close(path)


def _sqlite_file(url: str) -> Path | None:
    parts = make_url(url)
    return Path(parts.database) if parts.get_backend_name() == "sqlite" and parts.database else None


def _create(path: Path) -> None:
    """Make an empty file before SQLite does, which would leave its mode to the umask."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError:
        # The file exists, or cannot be made here: SQLite then reports its own error.
        return


def _close(path: Path) -> None:
    try:
        mode = path.stat().st_mode & 0o777
        if mode & _OTHERS:
            path.chmod(mode & ~_OTHERS)
    except FileNotFoundError:
        return
    except OSError as exc:
        # Another owner's file, or a file system without modes.
        event_log.warning("file_is_readable_by_others", path=path, kind=type(exc).__name__)
