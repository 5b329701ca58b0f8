"""Runs migrations on the connection that `provider.infrastructure.schema` hands over.

Without a connection it writes their SQL for PostgreSQL.
"""

from alembic import context

import provider.models  # noqa: F401 – fills the metadata.
from provider.infrastructure.database import Base

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    dialect_name=None if connection else "postgresql",
    literal_binds=connection is None,
    target_metadata=Base.metadata,
    # SQLite cannot alter most things in place.
    render_as_batch=True,
    compare_type=True,
    # On SQLite all revisions are one transaction, which holds the only write lock there is.
    transaction_per_migration=connection is None or connection.dialect.name != "sqlite",
)
with context.begin_transaction():
    context.run_migrations()
