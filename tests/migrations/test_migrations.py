"""The schema goes up and down on both databases, and the tables say what the models say."""

from collections.abc import Callable
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, inspect, text

import provider.models  # noqa: F401 – fills the metadata.
from provider.infrastructure import schema
from provider.infrastructure.database import Base
from provider.infrastructure.engine import prepare_engine
from tests.support.databases import empty_database


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Engine:
    """An empty database of its own."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'empty.sqlite3'}"
    else:
        url = empty_database(request.getfixturevalue("postgres_url"), "migrations")
    engine = create_engine(url)
    prepare_engine(engine)
    yield engine
    engine.dispose()


def revisions() -> list[str]:
    """Every revision, oldest first."""
    script = ScriptDirectory(str(schema.MIGRATIONS))
    return [step.revision for step in reversed(list(script.walk_revisions()))]


def test_the_migrated_tables_are_those_of_the_models(engine):
    schema.upgrade(engine)

    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    assert schema.is_current(engine)


def test_every_migration_goes_up_and_down_and_up_again(engine):
    for revision in revisions():
        schema.upgrade(engine, revision)
    for revision in [*reversed(revisions()[:-1]), "base"]:
        schema.downgrade(engine, revision)
    assert inspect(engine).get_table_names() == ["alembic_version"]

    schema.upgrade(engine)

    assert schema.is_current(engine)


def test_a_database_is_current_only_at_the_newest_revision(engine):
    assert not schema.is_current(engine)

    schema.upgrade(engine, revisions()[0])

    assert schema.is_current(engine) == (len(revisions()) == 1)


@pytest.fixture
def a_client(engine: Engine) -> Callable[[], dict[str, object]]:
    """A client as the first release kept it; the function reads what has become of it."""
    schema.upgrade(engine, "0001")
    instant = "2026-01-01 00:00:00+00:00" if engine.dialect.name == "postgresql" else "2026-01-01 00:00:00"
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO client (id, client_id, registered, first_party, offline_policy, epoch, "
                "created_at, updated_at) VALUES (:id, 'red', '{}', :no, 'keep', 0, :at, :at)"
            ),
            {"id": "0" * 32, "no": False, "at": instant},
        )

    def read() -> dict[str, object]:
        with engine.connect() as connection:
            return dict(connection.execute(text("SELECT * FROM client")).mappings().one())

    return read


def test_what_is_stored_survives_the_way_up_and_down(engine, a_client):
    before = a_client()

    schema.upgrade(engine)
    after = a_client()
    schema.downgrade(engine, "0001")

    assert before.items() <= after.items()
    assert after["confirm_sign_out"] == "when_needed"
    assert after["told_of_expiry"]
    assert a_client() == before
