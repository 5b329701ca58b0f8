"""The app's SQLite file: one connection and one transaction at a time for all threads."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SCHEMA = """
CREATE TABLE IF NOT EXISTS local_session (
    id INTEGER PRIMARY KEY,
    local_id TEXT NOT NULL UNIQUE,
    iss TEXT NOT NULL, sub TEXT NOT NULL, sid TEXT,
    name TEXT, email TEXT, scope TEXT NOT NULL,
    access_token TEXT, refresh_token TEXT,
    signed_in_at REAL NOT NULL, ended_at REAL, end_reason TEXT
);
CREATE INDEX IF NOT EXISTS ix_local_session_sub ON local_session (iss, sub);
CREATE TABLE IF NOT EXISTS journal_entry (
    id INTEGER PRIMARY KEY, at REAL NOT NULL, event TEXT NOT NULL, details TEXT NOT NULL
);
"""


class Database:
    """A SQLite file whose statements run only inside `transaction()`."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # The file contains people's tokens, so no other user of this machine may read it.
        path.touch(mode=0o600)
        self._lock = threading.RLock()
        self._depth = 0
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.executescript(SCHEMA)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Commit everything or nothing; a nested transaction is part of the outer one."""
        with self._lock:
            self._depth += 1
            try:
                if self._depth == 1:
                    self._connection.execute("BEGIN IMMEDIATE")
                yield self._connection
                if self._depth == 1:
                    self._connection.execute("COMMIT")
            except BaseException:
                if self._depth == 1:
                    self._connection.execute("ROLLBACK")
                raise
            finally:
                self._depth -= 1

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()
