"""Bring the database up to date; a new one keeps nothing that only an earlier release would need."""

from provider.infrastructure import current, data_keys, schema
from provider.infrastructure.database import db, transaction


def migrate() -> tuple[str | None, str | None]:
    """Run the migrations that are missing; returns the revisions before and after. Raises StrangeSchema."""
    before = schema.current_revision(db.engine)
    schema.upgrade(db.engine)
    if before is None:
        with transaction():
            data_keys.establish(current.data_keys())
    return before, schema.current_revision(db.engine)
