"""The command itself: help, settings, the database; errors in one line with an exit code."""

import os
import subprocess
import sys

import pytest
from sqlalchemy import create_engine

from provider.cli import COMMANDS
from provider.infrastructure import schema
from provider.infrastructure.engine import prepare_engine

NOT_MINE = "sqlite:///{}/empty.sqlite3"


@pytest.fixture
def database_url(own_sqlite):
    """Nothing here depends on the kind of database."""
    return own_sqlite


def test_help_names_every_command_and_has_examples(curfew):
    help_ = curfew("--help").out

    assert "Examples:" in help_
    for name in COMMANDS:
        assert f"  {name} " in help_


@pytest.mark.parametrize("name", ["db", "settings", "client", "user", "session", "delivery"])
def test_every_command_of_administration_has_examples(curfew, name):
    assert "Examples:" in curfew(name, "--help").out


def test_help_needs_no_settings_and_no_database(tmp_path):
    environ = {"PATH": os.environ["PATH"], "CURFEW_ISSUER": "nonsense"}
    command = [sys.executable, "-c", "from provider.cli import main; main()", "client", "--help"]

    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)

    assert done.returncode == 0
    assert "rotate-secret" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["--loud"], "No such option", id="an option of nothing"),
        pytest.param(["session", "end"], "curfew session end --help", id="too few arguments"),
        pytest.param(["session", "end", "123"], "not a valid UUID", id="a bad argument"),
        pytest.param(["delivery", "list", "--state", "lost"], "'pending'", id="a bad choice"),
        pytest.param(["db", "upgrade", "--lock-timeout", "0s"], "is less than 1ms", id="no limit"),
        pytest.param(["db", "upgrade", "--statement-timeout", "soon"], "not a time span", id="no span"),
    ],
)
def test_wrong_use_is_one_line_too(curfew, arguments, said):
    err = curfew(*arguments, code=2).err

    assert err.startswith("curfew: ")
    assert err.count("\n") == 1
    assert said in err


def test_a_group_without_a_command_shows_its_help(curfew):
    assert "rotate-secret" in curfew("client", code=2).err


def test_an_unknown_command_is_wrong_use(curfew):
    assert "No such command" in curfew("sign-everybody-out", code=2).err


def test_settings_have_a_value_a_source_and_a_meaning(curfew):
    shown = {view["name"]: view for view in curfew("settings", "--json").json}

    assert shown["password_min_length"]["value"] == "8"
    assert shown["password_min_length"]["source"] == "environment"
    assert shown["issuer"]["source"] == "default"
    assert all(view["meaning"] for view in shown.values())
    assert "CURFEW_ISSUER" in curfew("settings").out


def test_secrets_are_not_shown(curfew):
    shown = curfew("settings", "--json", CURFEW_BROKER_URL="redis://:hunter2-hunter2@localhost/0")

    assert "hunter2" not in shown.out
    assert "dGVzdC1rZXkt" not in shown.out


def test_all_wrong_settings_are_reported_together(curfew):
    for command in (("settings",), ("client", "list")):
        output = curfew(
            *command, code=2, CURFEW_ISSUER="ftp://x", CURFEW_CODE_LIFETIME="1h", CURFEW_FLAVOUR="salt"
        )

        lines = output.err.splitlines()
        assert len(lines) == 3
        assert all(line.startswith("curfew: ") for line in lines)
        assert output.out == ""


def test_a_database_without_migrations_is_one_line_that_says_what_to_run(curfew, tmp_path):
    empty = NOT_MINE.format(tmp_path)
    for command in (("client", "list"), ("db", "check")):
        output = curfew(*command, code=3, CURFEW_DATABASE_URL=empty)
        assert output.err.startswith("curfew: the database ")
        assert output.err.endswith(
            " is empty: set CURFEW_CONFIG to your settings file, or make one by `curfew init` or "
            "`curfew db upgrade`\n"
        )

    curfew("db", "upgrade", CURFEW_DATABASE_URL=empty)

    assert "up to date already" in curfew("db", "upgrade", CURFEW_DATABASE_URL=empty).out
    revisions = curfew("db", "current", "--json", CURFEW_DATABASE_URL=empty).json
    assert revisions["current"] == revisions["newest"]
    curfew("db", "check", CURFEW_DATABASE_URL=empty)
    assert curfew("client", "list", "--json", CURFEW_DATABASE_URL=empty).json == []


def test_an_empty_database_of_a_settings_file_is_not_blamed_on_the_settings(curfew, tmp_path):
    settings_file = tmp_path / "curfew.toml"
    settings_file.write_text('issuer = "https://id.example"')

    output = curfew(
        "user",
        "list",
        code=3,
        CURFEW_CONFIG=str(settings_file),
        CURFEW_DATABASE_URL=f"sqlite:///{tmp_path / 'new.sqlite3'}",
    )

    assert output.err.endswith("new.sqlite3 is empty: make one by `curfew init` or `curfew db upgrade`\n")


def test_a_database_of_an_earlier_release_is_to_be_upgraded(curfew, tmp_path):
    url = f"sqlite:///{tmp_path / 'earlier.sqlite3'}"
    engine = create_engine(url)
    prepare_engine(engine)
    schema.upgrade(engine, "0001")
    engine.dispose()

    output = curfew("user", "list", code=3, CURFEW_DATABASE_URL=url)

    assert output.err == "curfew: the database is not up to date: run `curfew db upgrade`\n"


def test_a_settings_file_that_is_missing_is_one_line_without_an_error_number(curfew, tmp_path):
    missing = tmp_path / "missing.toml"

    output = curfew("user", "list", code=2, CURFEW_CONFIG=str(missing))

    assert output.err == f"curfew: the settings file {missing} cannot be read: No such file or directory\n"


def test_an_issuer_with_a_query_is_one_problem(curfew):
    output = curfew("settings", code=2, CURFEW_ISSUER="https://id.example/?tenant=1")

    assert output.err == "curfew: issuer must have a host and neither query nor fragment\n"


def test_a_database_that_does_not_answer_is_one_line(curfew):
    output = curfew(
        "client", "list", code=1, CURFEW_DATABASE_URL="postgresql+psycopg://curfew@127.0.0.1:1/curfew"
    )

    assert output.err.startswith("curfew: the database does not answer")
    assert len(output.err.splitlines()) == 1


def test_a_readable_key_file_is_refused(curfew, tmp_path):
    (tmp_path / "data").mkdir()
    key = tmp_path / "data" / "secret.key"
    key.write_text("x")
    key.chmod(0o644)

    output = curfew("client", "list", code=2, CURFEW_SECRET_KEY="")

    assert "chmod 600" in output.err
