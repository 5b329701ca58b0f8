"""Run several `curfew` commands in one process, because starting one takes longer than most of them."""

import io
import json
import sys
from pathlib import Path

import click

from provider.cli import main
from provider.command import compose


def run_all() -> None:
    """Read passwords and commands as JSON from standard input and run them in order."""
    asked = json.load(sys.stdin)
    compose()
    for command in asked["commands"]:
        sys.stdin = io.TextIOWrapper(io.BytesIO(f"{asked['password']}\n".encode()))
        try:
            main(command, standalone_mode=False)
        except click.ClickException as exc:
            exc.show()
            sys.exit(1)


if __name__ == "__main__":
    sys.path.insert(0, str(Path.cwd()))
    run_all()
