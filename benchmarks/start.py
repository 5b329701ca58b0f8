"""Measure the CPU time of a command's start, beside the libraries that it needs.

    python -m benchmarks.start --rounds 7

Each is started in turn, in a process of its own; medians. The floor is what `import flask_sqlalchemy` and the
declaration of all models take: a command that queries the database cannot be faster.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import create_engine

from provider.infrastructure import schema
from provider.infrastructure.engine import prepare_engine

_COMMAND = "import sys; from provider.command import main; sys.argv[0] = 'curfew'; main()"
STARTS = {
    "python -c pass": ("pass",),
    "import sqlalchemy.orm, flask_sqlalchemy": ("import sqlalchemy.orm, flask_sqlalchemy",),
    "import provider.models": ("import provider.models",),
    "curfew --version": (_COMMAND, "--version"),
    "curfew client list": (_COMMAND, "client", "list"),
    "curfew session list": (_COMMAND, "session", "list"),
    "curfew client update --help": (_COMMAND, "client", "update", "--help"),
}


def cpu_of(arguments: tuple[str, ...], environ: dict[str, str]) -> float:
    """Return the CPU seconds of a Python process that runs to its end."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", *arguments], env=environ, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        environ = _prepared(Path(folder))
        spent: dict[str, list[float]] = {name: [] for name in STARTS}
        for _ in range(given.rounds):
            for name, arguments in STARTS.items():
                spent[name].append(cpu_of(arguments, environ))
    for name, seconds in spent.items():
        print(f"{statistics.median(seconds):6.3f} s  {name}")


def _prepared(folder: Path) -> dict[str, str]:
    url = f"sqlite:///{folder / 'start.sqlite3'}"
    engine = create_engine(url)
    prepare_engine(engine)
    schema.upgrade(engine)
    engine.dispose()
    own = {"CURFEW_DATABASE_URL": url, "CURFEW_DATA_DIR": str(folder), "CURFEW_LOG_LEVEL": "WARNING"}
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path.cwd()), **own}


if __name__ == "__main__":
    main()
