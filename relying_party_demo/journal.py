"""The journal of this app: each entry is a JSON line for the operator and a row for the page.

Entries contain identifiers only, never a token, a cookie or a hint.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from relying_party_demo import clock
from relying_party_demo.database import Database

ENTRIES_KEPT = 300


def write_line(line: str) -> None:
    """Write one line to standard output immediately."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


@dataclass(frozen=True, slots=True)
class Entry:
    """One event."""

    id: int
    at: datetime
    event: str
    details: dict[str, object]


class Journal:
    """The last few hundred entries, kept across restarts."""

    def __init__(self, database: Database, rp: str, write: Callable[[str], None] = write_line) -> None:
        self._database = database
        self._rp = rp
        self._write = write

    def record(self, event: str, **details: object) -> None:
        """Store an entry and write it to standard output."""
        at = clock.now()
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO journal_entry (at, event, details) VALUES (?, ?, ?)",
                (at.timestamp(), event, json.dumps(details)),
            )
            connection.execute(
                "DELETE FROM journal_entry WHERE id <= (SELECT max(id) FROM journal_entry) - ?",
                (ENTRIES_KEPT,),
            )
        self._write(json.dumps({"event": event, "rp": self._rp, "at": at.isoformat(), **details}))

    def list_newest(self, limit: int = ENTRIES_KEPT) -> list[Entry]:
        """The newest entries, newest first."""
        with self._database.transaction() as connection:
            rows = connection.execute(
                "SELECT * FROM journal_entry ORDER BY id DESC LIMIT ?", (limit,)
            ).fetchall()
        return [
            Entry(row["id"], datetime.fromtimestamp(row["at"], UTC), row["event"], json.loads(row["details"]))
            for row in rows
        ]

    def revision(self) -> int:
        """A number that grows with every entry, so that a page can tell whether it is old."""
        newest = self.list_newest(limit=1)
        return newest[0].id if newest else 0
