"""The database's schema: bringing it up to date by migrations, and knowing whether it is."""

from collections.abc import Callable
from functools import cache
from io import StringIO
from pathlib import Path

from sqlalchemy import Engine, inspect, text
from sqlalchemy.engine.interfaces import ReflectedColumn

from provider.infrastructure.database import Base
from provider.infrastructure.migration_run import USUAL_PATIENCE, NotApplied, Patience, one_at_a_time

_PACKAGE = Path(__file__).resolve().parents[1]


def _migrations() -> Path:
    """Return the folder of the migrations: in the wheel inside the package, in a checkout beside it."""
    inside = _PACKAGE / "migrations"
    return inside if inside.is_dir() else _PACKAGE.parent / "migrations"


MIGRATIONS = _migrations()


class StrangeSchema(Exception):
    """The database was made by a version with other migrations; the sentence says how that shows."""


def upgrade(
    engine: Engine,
    revision: str = "head",
    *,
    patience: Patience = USUAL_PATIENCE,
    when_waiting: Callable[[], None] = lambda: None,
) -> None:
    """Run the migrations up to a revision. Raises StrangeSchema, and NotApplied if the database is in use.

    A database that a newer release has migrated already is left as it is. While another process migrates it,
    this waits, after a call of `when_waiting`.
    """
    if revision == "head" and is_current(engine):
        return
    from provider.infrastructure import revisions

    try:
        with one_at_a_time(engine, patience, when_waiting) as connection:
            # A newer release may have migrated it meanwhile.
            if revision != "head" or not _is_of_newer_release(engine):
                revisions.upgrade(MIGRATIONS, connection, revision)
    except revisions.CommandError as exc:
        raise StrangeSchema(f"the database was made by another version: {exc}") from exc
    except NotApplied as exc:
        raise NotApplied(f"migration {next_revision(engine)} was not applied: {exc}") from exc


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
    """Take migrations back down to a revision. Raises NotApplied if the database is in use."""
    from provider.infrastructure import revisions

    with one_at_a_time(engine, USUAL_PATIENCE, lambda: None) as connection:
        revisions.downgrade(MIGRATIONS, connection, revision)


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
        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.scalars(text("SELECT version_num FROM alembic_version")).one_or_none()


@cache
def newest_revision() -> str:
    """Return the revision that this version of the provider needs."""
    # Reading the file names is faster than Alembic, which runs every file.
    return max(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def next_revision(engine: Engine) -> str | None:
    """Return the revision that would be run next; None if there is none left."""
    from provider.infrastructure import revisions

    later = revisions.list_after(MIGRATIONS, current_revision(engine))
    return later[-1] if later else None


def sql_of(revision: str) -> str:
    """Return what a revision does on PostgreSQL, as SQL."""
    from provider.infrastructure import revisions

    output = StringIO()
    revisions.write_sql(MIGRATIONS, revision, output)
    return output.getvalue()


def is_current(engine: Engine) -> bool:
    """Return whether the database has the schema of this version; a newer release may have added to it.

    During a rolling upgrade, processes of the previous release go on and may be started again.
    """
    return current_revision(engine) == newest_revision() or _is_of_newer_release(engine)


def _is_of_newer_release(engine: Engine) -> bool:
    """Return whether the revision is later than all of ours, and all that we need is still there."""
    revision, newest = current_revision(engine), newest_revision()
    # Revisions are numbers with leading zeros.
    if revision is None or revision <= newest:
        return False
    try:
        check_complete(engine)
    except StrangeSchema:
        return False
    return True


def _columns_of(engine: Engine) -> dict[str, list[ReflectedColumn]]:
    return {name: columns for (_schema, name), columns in inspect(engine).get_multi_columns().items()}
