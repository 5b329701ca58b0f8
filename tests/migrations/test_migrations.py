"""The schema goes up and down on both databases, and the tables say what the models say."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import (
    Column,
    Connection,
    Engine,
    MetaData,
    NullPool,
    Table,
    create_engine,
    insert,
    inspect,
    select,
    text,
)

import provider.models  # noqa: F401 – fills the metadata.
from provider.infrastructure import schema
from provider.infrastructure.database import Base, UTCDateTime
from provider.infrastructure.engine import prepare_engine
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.lengthy


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


def test_two_runs_at_once_leave_one_whole_schema(engine):
    others = [create_engine(engine.url) for _ in range(2)]
    for other in others:
        prepare_engine(other)

    with ThreadPoolExecutor(len(others)) as pool:
        for run in [pool.submit(schema.upgrade, other) for other in others]:
            run.result()

    assert schema.current_revision(engine) == schema.newest_revision()
    for other in others:
        other.dispose()


def test_four_that_open_a_new_file_at_once_all_get_a_connection(tmp_path):
    for number in range(50):
        url = f"sqlite:///{tmp_path / f'{number}.sqlite3'}"
        engines = [create_engine(url, poolclass=NullPool) for _ in range(4)]
        together = threading.Barrier(len(engines))

        def ask(engine: Engine, together: threading.Barrier = together) -> object:
            prepare_engine(engine)
            together.wait(PATIENCE)
            with engine.connect() as connection:
                return connection.exec_driver_sql("PRAGMA journal_mode").scalar()

        with ThreadPoolExecutor(len(engines)) as pool:
            assert list(pool.map(ask, engines)) == ["wal"] * len(engines)


def test_a_database_that_a_newer_release_has_added_to_is_served(engine_at):
    engine = engine_at("head")
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        connection.execute(text("ALTER TABLE client ADD COLUMN of_the_next_release INTEGER"))

    schema.upgrade(engine)

    assert schema.current_revision(engine) == "9999"
    assert schema.is_current(engine)


def test_a_database_of_which_a_newer_release_has_dropped_something_is_not(engine_at):
    engine = engine_at("head")
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        connection.execute(text("DROP TABLE write_probe"))

    assert not schema.is_current(engine)
    with pytest.raises(schema.StrangeSchema):
        schema.upgrade(engine)


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


class Rows:
    """Adds rows with a few given values; what else must not be empty is filled, with rows to refer to."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.known: dict[str, UUID] = {}

    def add(self, name: str, **given: object) -> UUID:
        model, key = Base.metadata.tables[name], uuid4()
        # Only the columns that the table has at this revision.
        there = {one["name"] for one in inspect(self.connection).get_columns(name)}
        own = [one for one in model.columns if one.name in there]
        needed = [one for one in own if not one.nullable and one.name not in {"id", *given}]
        values = {"id": key} | {one.name: self._fill(one) for one in needed} | given
        table = Table(name, MetaData(), *[Column(one.name, one.type) for one in own])
        self.connection.execute(insert(table).values(**values))
        return key

    def _fill(self, column: Column) -> object:
        for target in column.foreign_keys:
            name = target.column.table.name
            self.known[name] = self.known.get(name) or self.add(name)
            return self.known[name]
        if isinstance(column.type, UTCDateTime):
            return datetime(2026, 1, 1, tzinfo=UTC)
        unique = uuid4()
        return {
            bool: False,
            int: 0,
            str: unique.hex[: getattr(column.type, "length", None)],
            UUID: unique,
        }.get(column.type.python_type, {})


def test_living_access_tokens_keep_the_binding_that_their_refresh_tokens_say(engine_at):
    engine = engine_at("0017")
    later = datetime.now(UTC) + timedelta(hours=1)
    families = {scope: uuid4() for scope in ("openid", "openid offline_access")}
    with engine.begin() as connection:
        rows = Rows(connection)
        grant = rows.add("grant", offline=True)
        for scope, family in families.items():
            of_family = {"family_id": family, "grant_id": grant}
            rows.add("refresh_token", **of_family, scope=scope)
            rows.add("access_token", **of_family, scope="openid", expires_at=later)

    schema.upgrade(engine)

    token = Base.metadata.tables["access_token"].columns
    with engine.connect() as connection:
        kept = dict(connection.execute(select(token.family_id, token.offline)).all())
    # None: its own scope says it.
    assert kept == {families["openid"]: None, families["openid offline_access"]: True}


def test_what_searches_look_at_is_filled_in_for_those_who_are_known_already(engine_at):
    engine = engine_at("0034")
    with engine.begin() as connection:
        rows = Rows(connection)
        rows.add("client", client_id="wiki", registered={"client_name": "The Wiki"})
        rows.add("account", sub="a", claims={"email": "Ada@Example.test"})
        rows.add("account", sub="b", claims={})

    schema.upgrade(engine)

    with engine.connect() as connection:
        assert connection.scalar(text("SELECT search_text FROM client")) == "wiki the wiki"
        emails = connection.execute(text("SELECT sub, folded_email FROM account ORDER BY sub"))
        assert [tuple(row) for row in emails] == [("a", "ada@example.test"), ("b", None)]
