"""The migrations as Alembic runs them.

Imported when a migration is run or asked about: Alembic takes longer to import than many a command takes.
"""

from pathlib import Path
from typing import TextIO

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection

__all__ = ["CommandError", "downgrade", "list_after", "upgrade", "write_sql"]


def upgrade(folder: Path, connection: Connection, revision: str) -> None:
    """Run the migrations up to a revision. Raises CommandError."""
    command.upgrade(_config(folder, connection), revision)


def downgrade(folder: Path, connection: Connection, revision: str) -> None:
    """Take migrations back down to a revision. Raises CommandError."""
    command.downgrade(_config(folder, connection), revision)


def list_after(folder: Path, current: str | None) -> list[str]:
    """Return the revisions after this one, newest first; all of them for None."""
    steps = _read(folder).iterate_revisions("head", current or "base")
    return [step.revision for step in steps]


def write_sql(folder: Path, revision: str, output: TextIO) -> None:
    """Write the SQL of a single revision, for PostgreSQL."""
    step = _read(folder).get_revision(revision)
    command.upgrade(_config(folder, None, output), f"{step.down_revision or 'base'}:{revision}", sql=True)


def _read(folder: Path) -> ScriptDirectory:
    return ScriptDirectory.from_config(_config(folder, None))


def _config(folder: Path, connection: Connection | None, output: TextIO | None = None) -> Config:
    config = Config(output_buffer=output)
    config.set_main_option("script_location", str(folder))
    config.attributes["connection"] = connection
    return config
