"""Each migration lets the previous release and its requests go on while it runs, and afterwards.

`squawk` knows what a statement locks and breaks on PostgreSQL. Three rules are ours: what runs outside of a
transaction stands alone, a migration waits for one table, and its SQL can be written without a database.
"""

import json
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest

from provider.infrastructure import schema
from provider.infrastructure.revisions import write_sql
from tests.migrations.programs import next_release
from tests.migrations.test_migrations import revisions

SQUAWK = Path(sys.executable).with_name("squawk")
CONFIG = Path(__file__).with_name("squawk.toml")
# The migrations that were merged before these rules; they are not changed any more.
LAST_BEFORE_RULES = "0026"
# Rules that a revision may break, with the reason. A contracting one names the release that stopped using
# what it drops.
EXEMPTIONS: dict[str, dict[str, str]] = {
    "0003": {
        "require-concurrent-index-creation": "merged before the rule, in the first release",
        "require-concurrent-index-deletion": "merged before the rule, in the first release",
    },
    "0004": {"require-concurrent-index-creation": "merged before the rule, in the first release"},
    "0005": {"require-concurrent-index-creation": "merged before the rule, in the first release"},
    "0016": {
        "require-concurrent-index-creation": "merged before the rule; partial indexes of few rows",
        "require-concurrent-index-deletion": "merged before the rule; partial indexes of few rows",
    },
    "0017": {"require-concurrent-index-creation": "merged before the rule; one row for each sign-out"},
    "0027": {
        "ban-drop-not-null": "the columns are empty only for kinds of deliveries that 0.2.0 does not have yet"
    },
    "0040": {"ban-drop-constraint": "it kept recipients from being deleted, and clients never are"},
    "0041": {
        "ban-drop-constraint": "the same, and a key that the next statement replaces",
        "constraint-missing-not-valid": "one row for each endpoint that has failed",
        "adding-serial-primary-key-field": "one row for each endpoint that has failed",
    },
}
NOT_WRITTEN = {
    "0013": "splits deliveries that it reads",
    "0014": "computes networks of addresses that it reads",
}
_LOCKS = (
    r"\bALTER TABLE (?:IF EXISTS |ONLY )*(\S+)",
    r"\bDROP TABLE (?:IF EXISTS )?(\S+)",
    r"\bCREATE (?:UNIQUE )?INDEX (?!CONCURRENTLY).*? ON (\S+)",
    r"\bREFERENCES (\S+)",
)


def complaints(sql: str) -> dict[str, str]:
    """Return squawk's findings on some SQL: its rules, with a line each."""
    command = [SQUAWK, "--config", CONFIG, "--reporter", "json", "--stdin-filepath", "migration.sql"]
    done = subprocess.run(command, input=sql, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    return {each["rule_name"]: f"line {each['line']}: {each['message']}" for each in json.loads(done.stdout)}


def tables_locked(sql: str) -> set[str]:
    """The tables, known before, that some SQL waits for."""
    made = set(re.findall(r"\bCREATE TABLE (\S+)", sql))
    return {name for lock in _LOCKS for name in re.findall(lock, sql)} - made


def statements(sql: str) -> list[str]:
    """Return the statements of a migration, without transactions and the number of its revision."""
    without_comments = re.sub(r"^--.*$", "", sql, flags=re.MULTILINE)
    each = [" ".join(one.split()) for one in without_comments.split(";")]
    return [one for one in each if one not in ("", "BEGIN", "COMMIT") and "alembic_version" not in one]


def test_what_is_not_written_cannot_be():
    """An exemption that nothing needs any more is taken away."""
    for revision in NOT_WRITTEN:
        with pytest.raises(AttributeError):
            schema.sql_of(revision)


@pytest.mark.parametrize("revision", [one for one in revisions() if one not in NOT_WRITTEN])
def test_squawk_has_nothing_to_say_but_what_is_exempt(revision):
    said = complaints(schema.sql_of(revision))

    exempt = EXEMPTIONS.get(revision, {})
    assert {rule: line for rule, line in said.items() if rule not in exempt} == {}
    assert exempt.keys() <= said.keys()


def test_a_revision_waits_for_one_table_and_leaves_its_transaction_only_for_one_statement():
    new = {revision: schema.sql_of(revision) for revision in revisions() if revision > LAST_BEFORE_RULES}

    assert {revision: locked for revision, sql in new.items() if len(locked := tables_locked(sql)) > 1} == {}
    # The second BEGIN is that of the number of the revision.
    outside = [statements(sql) for sql in new.values() if sql.count("BEGIN;") > 1]
    assert [several for several in outside if len(several) > 1] == []


@pytest.mark.parametrize(
    ("sql", "rule"),
    [
        pytest.param(
            "ALTER TABLE client DROP COLUMN recipe", "ban-drop-column", id="the previous release reads it"
        ),
        pytest.param("DROP TABLE device", "ban-drop-table", id="or the table"),
        pytest.param(
            "ALTER TABLE client RENAME COLUMN recipe TO software", "renaming-column", id="or by its old name"
        ),
        pytest.param(
            "ALTER TABLE client ADD COLUMN kind TEXT NOT NULL",
            "adding-required-field",
            id="the previous release does not fill it in",
        ),
        pytest.param(
            "ALTER TABLE client ALTER COLUMN recipe TYPE INTEGER",
            "changing-column-type",
            id="the table is written anew",
        ),
        pytest.param(
            "CREATE INDEX ix_client_recipe ON client (recipe)",
            "require-concurrent-index-creation",
            id="writers wait for the index",
        ),
        pytest.param(
            "ALTER TABLE session ADD CONSTRAINT ck_session_a CHECK (consent_epoch >= 0)",
            "constraint-missing-not-valid",
            id="the whole table is read under the lock",
        ),
    ],
)
def test_squawk_refuses(sql, rule):
    assert rule in complaints(f"BEGIN;\n{sql};\nCOMMIT;\n")


def test_squawk_has_nothing_against_what_only_adds():
    assert complaints("BEGIN;\nALTER TABLE client ADD COLUMN kind VARCHAR(32);\nCOMMIT;\n") == {}


def test_what_leaves_its_transaction_is_written_as_one_statement_outside_of_it(tmp_path):
    """As a revision with `online_change.create_index` is."""
    release = next_release(tmp_path, 'online_change.create_index("ix_client_recipe", "client", ["recipe"])')
    output = StringIO()
    write_sql(release.folder / "migrations", f"{int(schema.newest_revision()) + 1:04}", output)
    sql = output.getvalue()

    assert statements(sql) == ["CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_client_recipe ON client (recipe)"]
    assert sql.count("BEGIN;") == 2
    assert complaints(sql) == {}


@pytest.mark.parametrize(
    ("sql", "tables"),
    [
        pytest.param("ALTER TABLE client ADD COLUMN a INTEGER", {"client"}, id="a column"),
        pytest.param("CREATE INDEX CONCURRENTLY ix_a ON client (a)", set(), id="an index beside requests"),
        pytest.param("CREATE UNIQUE INDEX ix_a ON client (a)", {"client"}, id="an index"),
        pytest.param(
            "CREATE TABLE new (a UUID, FOREIGN KEY(a) REFERENCES client (id)); CREATE INDEX ix_a ON new (a)",
            {"client"},
            id="a new table that refers to one",
        ),
        pytest.param(
            "CREATE TABLE new (a UUID REFERENCES client (id), b UUID REFERENCES account (id))",
            {"client", "account"},
            id="and to another",
        ),
    ],
)
def test_tables_that_some_sql_waits_for(sql, tables):
    assert tables_locked(sql) == tables
