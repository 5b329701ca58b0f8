"""The `curfew` command as a process: of this checkout, of another release, or of one that is yet to come."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from provider.infrastructure import schema
from tests.conftest import FAST_SETTINGS
from tests.faults.programs import Program
from tests.support.waiting import PATIENCE
from tests.support.warm_programs import WarmPrograms

ROOT = Path(__file__).resolve().parents[2]
_MAIN = "from provider.command import main; main()"


@dataclass(frozen=True)
class Release:
    """A folder with the code of one release, which its processes run."""

    folder: Path = ROOT
    # Forks commands of its code, so that they start at once.
    warm: WarmPrograms | None = None

    def command(self, *arguments: str) -> list[str]:
        # -P: not the working directory but PYTHONPATH says whose code it is.
        return [sys.executable, "-P", "-c", _MAIN, *arguments]

    @contextmanager
    def running(self, environ: dict[str, str], log: Path, *arguments: str) -> Iterator[Program]:
        """Run a command beside what follows, and not longer."""
        command = list(arguments) if self.warm else self.command(*arguments)
        program = Program(command, self._own(environ), log, self.warm)
        try:
            yield program
        finally:
            program.kill()

    def run(self, environ: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
        if self.warm:
            return subprocess.CompletedProcess(arguments, *self.warm.run(list(arguments), environ))
        return subprocess.run(
            self.command(*arguments),
            env=self._own(environ),
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )

    def _own(self, environ: dict[str, str]) -> dict[str, str]:
        return environ | {"PYTHONPATH": str(self.folder)}


def environ_of(url: str, data_dir: Path, **settings: str) -> dict[str, str]:
    """The environment of a provider on this database."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CURFEW_")}
    usual = {
        "database_url": url,
        "data_dir": str(data_dir),
        "secret_key": FAST_SETTINGS["secret_key"],
        "argon2_memory": "1024",
        "argon2_passes": "1",
        "password_min_length": "8",
    }
    return kept | {f"CURFEW_{name.upper()}": value for name, value in (usual | settings).items()}


_REVISION = '''"""A step of the next release."""

import sqlalchemy as sa
from alembic import op

from provider.infrastructure import online_change

revision, down_revision = "{revision}", "{down_revision}"


def upgrade() -> None:
    {step}
'''


def next_release(folder: Path, *steps: str) -> Release:
    """Make a release with the code of this checkout and a further migration for each step."""
    for name in ("provider", "migrations"):
        shutil.copytree(ROOT / name, folder / name)
    newest = int(schema.newest_revision() or 0)
    for number, step in enumerate(steps, newest + 1):
        text = _REVISION.format(revision=f"{number:04}", down_revision=f"{number - 1:04}", step=step)
        (folder / "migrations" / "versions" / f"{number:04}_of_the_next_release.py").write_text(text)
    return Release(folder)
