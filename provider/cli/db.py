"""`curfew db`: the database's schema and history."""

from datetime import timedelta

import click

from provider.cli.context import fail_before_migration, with_app
from provider.cli.db_restored import accept, restored
from provider.cli.instants import PositiveSpan
from provider.cli.migrating import migrate
from provider.cli.output import json_option, show_json
from provider.cli.plain_text import say
from provider.config.values import write_timedelta
from provider.infrastructure import schema
from provider.infrastructure.database import db as database
from provider.infrastructure.migration_run import USUAL_PATIENCE, Patience


@click.group(
    epilog="""\b
Examples:
  curfew db upgrade
  curfew db check && curfew serve
  curfew db restored --dry-run            after a backup was restored
"""
)
def db() -> None:
    """Migrate the database, and handle restores and failovers."""


db.add_command(restored)
db.add_command(accept)


@db.command(
    epilog="""\b
Examples:
  curfew db upgrade
  curfew db upgrade --statement-timeout 10m     a large database at a quiet time

On PostgreSQL each migration is one transaction, with these limits. One that runs into them is not applied
(exit code 6), those before it are; run the command again. SQLite has no such limits: stop the processes
first.
"""
)
@click.option(
    "--lock-timeout",
    type=PositiveSpan(),
    default=write_timedelta(USUAL_PATIENCE.lock),
    show_default=True,
    help="How long a migration waits for a table in use; requests that want the table wait behind it.",
)
@click.option(
    "--statement-timeout",
    type=PositiveSpan(),
    default=write_timedelta(USUAL_PATIENCE.statement),
    show_default=True,
    help="How long one statement of a migration may take; what it has locked is locked for as long.",
)
@with_app(migrated=False)
def upgrade(*, lock_timeout: timedelta, statement_timeout: timedelta) -> None:
    """Run the pending migrations; running it again changes nothing."""
    before, after = migrate(Patience(lock=lock_timeout, statement=statement_timeout))
    if before == after:
        say(f"The database was up to date already ({after}).")
    else:
        say(f"The database is up to date ({before or 'empty'} → {after}).")


@db.command(epilog="Example: curfew db current --json")
@json_option
@with_app(migrated=False)
def current(*, as_json: bool) -> None:
    """Show the revision of the database."""
    revision = schema.current_revision(database.engine)
    if as_json:
        show_json({"current": revision, "newest": schema.newest_revision()})
    else:
        say(f"{revision or 'none'} (this version needs {schema.newest_revision()})")


@db.command(epilog="Example: curfew db check")
@with_app(migrated=False)
def check() -> None:
    """Check whether the database is up to date: exit code 0 or 3."""
    if not schema.is_current(database.engine):
        fail_before_migration()
    say("The database is up to date.")
