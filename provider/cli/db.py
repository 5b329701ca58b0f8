"""`curfew db`: the database's schema and history."""

import click

from provider.cli.context import NOT_MIGRATED, fail, with_app
from provider.cli.db_restored import accept, restored
from provider.cli.migrating import migrate
from provider.cli.output import json_option, show_json
from provider.cli.plain_text import say
from provider.infrastructure import schema
from provider.infrastructure.database import db as database


@click.group(
    epilog="""\b
Examples:
  curfew db upgrade
  curfew db check && curfew serve
  curfew db restored --dry-run            after a backup was restored
"""
)
def db() -> None:
    """Bring the database up to date, and say that it was restored."""


db.add_command(restored)
db.add_command(accept)


@db.command(epilog="Example: curfew db upgrade")
@with_app(migrated=False)
def upgrade() -> None:
    """Run the migrations that are missing; doing it again changes nothing."""
    before, after = migrate()
    if before == after:
        say(f"The database was up to date already ({after}).")
    else:
        say(f"The database is up to date ({before or 'empty'} → {after}).")


@db.command(epilog="Example: curfew db current --json")
@json_option
@with_app(migrated=False)
def current(*, as_json: bool) -> None:
    """Show which revision the database stands at."""
    revision = schema.current_revision(database.engine)
    if as_json:
        show_json({"current": revision, "newest": schema.newest_revision()})
    else:
        say(f"{revision or 'none'} (this version needs {schema.newest_revision()})")


@db.command(epilog="Example: curfew db check")
@with_app(migrated=False)
def check() -> None:
    """Answer by the exit code whether the database is up to date: 0 or 3."""
    if not schema.is_current(database.engine):
        fail("the database is not up to date: run `curfew db upgrade`", code=NOT_MIGRATED)
    say("The database is up to date.")
