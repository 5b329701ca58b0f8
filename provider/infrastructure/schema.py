"""The database's schema: bringing it up to date by migrations, and knowing whether it is."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Engine, inspect, text
from sqlalchemy.engine.interfaces import ReflectedColumn

from provider.infrastructure.database import Base

_PACKAGE = Path(__file__).resolve().parents[1]


def _migrations() -> Path:
    """Return the folder of the migrations: in the wheel inside the package, in a checkout beside it."""
    inside = _PACKAGE / "migrations"
    return inside if inside.is_dir() else _PACKAGE.parent / "migrations"


MIGRATIONS = _migrations()


class StrangeSchema(Exception):
    """The database was made by a version with other migrations; the sentence says what tells."""


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Run the migrations up to a revision, in one transaction. Raises StrangeSchema.

    A database that a newer release has migrated already is left as it is.
    """
    if revision == "head" and _is_of_newer_release(engine):
        return
    try:
        with engine.begin() as connection:
            command.upgrade(_config(connection), revision)
    except CommandError as exc:
        raise StrangeSchema(f"the database was made by another version: {exc}") from exc


def check_complete(engine: Engine) -> None:
    """Raise StrangeSchema where a table or column of ours is missing, whatever the revision says.

    A migration that has changed since it was run is not run again.
    """
    has = {table: {column["name"] for column in columns} for table, columns in _columns_of(engine).items()}
    missing = [
        f"{table.name}.{column.name}"
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if column.name not in has.get(table.name, ())
    ]
    if missing:
        raise StrangeSchema(f"the database was made by another version: it lacks {', '.join(missing[:3])}")


def downgrade(engine: Engine, revision: str) -> None:
    """Take migrations back down to a revision, in one transaction."""
    with engine.begin() as connection:
        command.downgrade(_config(connection), revision)


def why_read_only(engine: Engine) -> str:
    """Return why the database takes no writes, in a clause; empty if it does."""
    if engine.dialect.name == "sqlite":
        return ""
    with engine.connect() as connection:
        asked = text("SELECT pg_is_in_recovery(), current_setting('transaction_read_only')::boolean")
        is_standby, is_read_only = connection.execute(asked).one()
    if is_standby:
        return (
            "it is a standby (in recovery); name all hosts in CURFEW_DATABASE_URL with "
            "target_session_attrs=read-write"
        )
    return (
        "transactions are read-only by its settings (default_transaction_read_only)" if is_read_only else ""
    )


def current_revision(engine: Engine) -> str | None:
    """Return the revision that the database stands at; None for an empty one."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def newest_revision() -> str | None:
    """Return the revision that this version of the provider needs."""
    return ScriptDirectory(str(MIGRATIONS)).get_current_head()


def is_current(engine: Engine) -> bool:
    """Whether the database has the schema that this version needs, which a newer release may have added to.

    During a rolling upgrade, processes of the previous release go on and may be started again.
    """
    return current_revision(engine) == newest_revision() or _is_of_newer_release(engine)


def _is_of_newer_release(engine: Engine) -> bool:
    """Whether the revision is later than all of ours, and all that we need is still there."""
    revision, newest = current_revision(engine), newest_revision()
    # Revisions are numbers with leading zeros.
    if revision is None or newest is None or revision <= newest:
        return False
    try:
        check_complete(engine)
    except StrangeSchema:
        return False
    return True


def _columns_of(engine: Engine) -> dict[str, list[ReflectedColumn]]:
    return {name: columns for (_schema, name), columns in inspect(engine).get_multi_columns().items()}


def _config(connection: object) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config
