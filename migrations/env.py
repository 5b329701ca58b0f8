"""Runs migrations on the connection that `provider.infrastructure.schema` hands over."""

from alembic import context

import provider.models  # noqa: F401 – fills the metadata.
from provider.infrastructure.database import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    # SQLite cannot alter most things in place.
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
