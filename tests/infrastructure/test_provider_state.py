"""The one row that stands for the provider as a whole, and how other tables are joined to it."""

import pytest
from sqlalchemy import select, text

from provider.infrastructure.database import db
from provider.infrastructure.provider_state import IS_THE_ROW, ProviderState
from provider.sessions.models import Session

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


def test_postgresql_knows_without_statistics_that_there_is_one(app):
    joined = select(Session.id).join(ProviderState, IS_THE_ROW)
    with db.engine.connect() as connection:
        # What a new installation has; autovacuum never looks at one row.
        connection.execute(text("DELETE FROM pg_statistic WHERE starelid = 'provider_state'::regclass"))
        connection.execute(text("UPDATE pg_class SET reltuples = -1 WHERE relname = 'provider_state'"))
        [explained] = connection.scalar(text(f"EXPLAIN (FORMAT JSON) {joined}"))
        connection.rollback()

    rows = {part.get("Relation Name"): part["Plan Rows"] for part in explained["Plan"]["Plans"]}
    assert rows["provider_state"] == 1
