"""Sites by the dozen: their relying parties, and databases with people and clients to copy."""

import shutil
import socket
from pathlib import Path
from typing import Any

from tests.faults.databases import Database, PostgresServer, SQLiteDatabase
from tests.faults.simulators import RelyingParty
from tests.faults.site import RPS, Site
from tests.support.warm_programs import WarmPrograms


class Sites:
    """Makes sites quickly: people and clients are added once and copied for each."""

    def __init__(self, folder: Path, warm: WarmPrograms | None = None) -> None:
        self.folder = folder
        self.warm = warm
        self.rps = {name: RelyingParty(name) for name in RPS}
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self.postgres: PostgresServer | None = None
        self._templates: dict[str, Any] = {}
        self._made = 0

    def make(self, kind: str, **options: Any) -> Site:
        self._made += 1
        folder = self.folder / f"site-{self._made}"
        folder.mkdir(parents=True)
        return Site(folder, self._database(kind, folder), self.rps, self.port, warm=self.warm, **options)

    def _database(self, kind: str, folder: Path) -> Database:
        if kind not in self._templates:
            self._templates[kind] = self._prepared(kind)
        template = self._templates[kind]
        if kind == "sqlite":
            shutil.copy(template, folder / "curfew.sqlite3")
            return SQLiteDatabase(folder / "curfew.sqlite3")
        assert self.postgres is not None
        return self.postgres.copy_of(template)

    def _prepared(self, kind: str) -> Any:
        folder = self.folder / f"template-{kind}"
        folder.mkdir(parents=True)
        if kind == "sqlite":
            database: Database = SQLiteDatabase(folder / "curfew.sqlite3")
        else:
            self.postgres = PostgresServer()
            self.postgres.make()
            database = self.postgres.copy_of()
        Site(folder, database, self.rps, self.port).prepare()
        if isinstance(database, SQLiteDatabase):
            database.rows("PRAGMA wal_checkpoint(TRUNCATE)")
            return database.path
        return database.name

    def close(self) -> None:
        for rp in self.rps.values():
            rp.close()
        if self.postgres is not None:
            self.postgres.stop()
