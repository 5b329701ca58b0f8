"""`curfew db upgrade` makes data keys for a new database, and leaves one in use to `curfew keys rekey`."""

import pytest
from sqlalchemy import Engine, create_engine, text

from provider.infrastructure import schema
from provider.infrastructure.engine import prepare_engine
from tests.migrations.test_logout_token_names import Rows

BEFORE_DATA_KEYS = "0022"


@pytest.fixture
def database_url(tmp_path):
    return f"sqlite:///{tmp_path / 'older.sqlite3'}"


@pytest.fixture
def engine(database_url):
    engine = create_engine(database_url)
    prepare_engine(engine)
    yield engine
    engine.dispose()


def count_data_keys(engine: Engine) -> int:
    with engine.connect() as connection:
        return connection.scalar(text("SELECT count(*) FROM data_key"))


def test_a_new_database_has_data_keys(curfew, engine):
    assert "(empty → " in curfew("db", "upgrade").out

    assert count_data_keys(engine) == 1


def test_a_new_database_whose_first_upgrade_was_interrupted_has_them_too(curfew, engine):
    schema.upgrade(engine, BEFORE_DATA_KEYS)

    curfew("db", "upgrade")

    assert count_data_keys(engine) == 1


@pytest.mark.parametrize(("table", "names"), [("account", {"sub": "ada"}), ("client", {"client_id": "red"})])
def test_a_database_in_use_keeps_what_the_previous_release_can_read(curfew, engine, table, names):
    schema.upgrade(engine, BEFORE_DATA_KEYS)
    Rows(engine).add(table, **names)

    curfew("db", "upgrade")
    curfew("db", "upgrade")

    assert count_data_keys(engine) == 0
