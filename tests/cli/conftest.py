"""The command as its callers know it: arguments and standard input in; output and an exit code out."""

import json
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from click.testing import CliRunner

from provider.cli import main
from tests.conftest import FAST_SETTINGS
from tests.support.applications import opened
from tests.support.databases import migrate


@dataclass(frozen=True)
class Output:
    """The output of a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Curfew = Callable[..., Output]


@pytest.fixture
def own_sqlite(tmp_path) -> str:
    """An empty, migrated SQLite database, for what does not depend on the kind of database."""
    url = f"sqlite:///{tmp_path / 'own.sqlite3'}"
    migrate(url)
    return url


@pytest.fixture
def curfew(database_url, tmp_path) -> Curfew:
    """Runs `curfew` on the test's database, in this process but with settings from the environment."""
    environ = {
        "CURFEW_DATABASE_URL": database_url,
        "CURFEW_DATA_DIR": str(tmp_path / "data"),
        "CURFEW_SECRET_KEY": FAST_SETTINGS["secret_key"],
        "CURFEW_ARGON2_MEMORY": "1024",
        "CURFEW_ARGON2_PASSES": "1",
        "CURFEW_PASSWORD_MIN_LENGTH": "8",
        "CURFEW_OUTBOUND_ALLOW": "127.0.0.0/8,localhost",
    }

    def run(*arguments: object, stdin: str = "", code: int = 0, **settings: str) -> Output:
        result = CliRunner().invoke(main, [str(a) for a in arguments], input=stdin, env=environ | settings)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return Output(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture
def curfew_alone() -> Curfew:
    """Runs `curfew` without a database and without settings but those that are given."""

    def run(*arguments: object, stdin: str = "", code: int = 0, **settings: str) -> Output:
        result = CliRunner().invoke(main, [str(a) for a in arguments], input=stdin, env=settings)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return Output(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture
def looking(settings) -> Callable[[], Any]:
    """Opens the provider beside the command, to see what it did once its own context is closed."""

    @contextmanager
    def look():
        with opened(settings) as app:
            yield app

    return look
