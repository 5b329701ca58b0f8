"""Every table is made by a migration."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

import provider.models  # noqa: F401 – fills the metadata.
from provider.infrastructure.database import Base, db


def test_the_migrations_make_what_the_models_say(app):
    with app.app_context(), db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})

        assert compare_metadata(context, Base.metadata) == []
