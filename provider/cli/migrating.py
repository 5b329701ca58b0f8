"""Brings the database up to date; a new one keeps no data that only an earlier release would need."""

from provider.accounts import queries as accounts
from provider.cli.context import TRY_AGAIN, fail
from provider.cli.plain_text import say
from provider.clients import queries as clients
from provider.infrastructure import current, data_keys, schema
from provider.infrastructure.database import db, reading, transaction
from provider.infrastructure.migration_run import USUAL_PATIENCE, NotApplied, Patience


def migrate(patience: Patience = USUAL_PATIENCE) -> tuple[str | None, str | None]:
    """Run the missing migrations; return the revisions before and after. Raises StrangeSchema.

    If other transactions block a migration, the command exits with a code of its own.
    """
    before = schema.current_revision(db.engine)
    try:
        schema.upgrade(db.engine, patience=patience, when_waiting=_say_that_it_waits)
    except NotApplied as exc:
        reached = schema.current_revision(db.engine) or "empty"
        fail(f"{exc}; the database is at {reached}. Run `curfew db upgrade` again", code=TRY_AGAIN)
    after = schema.current_revision(db.engine)
    if before != after and _is_unused():
        with transaction():
            data_keys.establish(current.data_keys())
    return before, after


def _is_unused() -> bool:
    """Return whether no release has ever used the database; its first upgrade may have been interrupted."""
    with reading():
        return not (accounts.list_accounts(limit=1) or clients.list_clients(limit=1))


def _say_that_it_waits() -> None:
    say("curfew: another upgrade of this database is running; waiting for it", err=True)
