"""A data folder that another version has made ends the demo with one line that says what to do."""

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from demo.plan import DemoDataUnusable
from demo.processes import own_environment
from demo.seed import bring_up_to_date
from provider.infrastructure import schema
from tests.support.demo import free_run


def of_an_unknown_revision(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        database.execute("INSERT INTO alembic_version VALUES ('0123456789ab')")
    database.close()


def of_migrations_that_have_changed_since(path: Path) -> None:
    engine = create_engine(f"sqlite:///{path}")
    schema.upgrade(engine)
    engine.dispose()
    with sqlite3.connect(path) as database:
        database.execute("ALTER TABLE client DROP COLUMN slow")
    database.close()


def with_tables_of_another_make(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE account (id INTEGER)")
    database.close()


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (of_an_unknown_revision, "0123456789ab"),
        (of_migrations_that_have_changed_since, "it lacks client.slow"),
        (with_tables_of_another_make, "table account already exists"),
    ],
)
def test_data_of_another_make_is_recognised(tmp_path, make, reason):
    make(tmp_path / "old.sqlite3")
    engine = create_engine(f"sqlite:///{tmp_path / 'old.sqlite3'}")

    with pytest.raises(DemoDataUnusable, match=reason):
        bring_up_to_date(engine, tmp_path)

    engine.dispose()


@pytest.mark.processes
def test_old_data_ends_the_demo_with_one_line_that_says_what_to_do(tmp_path, warm_programs):
    folder = tmp_path / "data"
    (folder / "provider").mkdir(parents=True)
    of_an_unknown_revision(folder / "provider" / "curfew.sqlite3")

    command = ["demo", "--data-dir", str(folder), "--port", str(free_run(7)), "--exit-when-ready"]
    code, _, errors = warm_programs.run(command, own_environment())

    assert code == 1
    assert errors.count("\n") == 1
    assert f"the data folder {folder} cannot be continued with" in errors
    assert "delete it, or choose another with --data-dir" in errors
