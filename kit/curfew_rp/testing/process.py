"""Run `curfew dev` for as long as the tests run (KIT-10)."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from curfew_rp.testing.provider import Provider

_STOPS_WITHIN_SECONDS = 30.0


class ProviderMissing(Exception):
    """The provider is not installed or did not start; the message says why."""


@contextmanager
def running_provider() -> Iterator[Provider]:
    """Run a provider on a free port of this machine; leave nothing behind afterwards.

    It also stops when this process is killed, because that closes its standard input. Raises ProviderMissing.
    """
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(  # noqa: S603 – the command of an installed distribution.
            [_command(), "dev", "--port", "0", "--json", "--stop-at-eof"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env={name: value for name, value in os.environ.items() if not name.startswith("CURFEW_")},
            text=True,
            # Ctrl-C at the terminal must reach only the tests, which then stop the provider.
            process_group=0,
        )
        with process:
            provider = Provider(_announced(process, errors))
            try:
                yield provider
            finally:
                provider.close()
                _stop(process)


def _command() -> str:
    beside = Path(sys.executable).with_name("curfew")
    found = str(beside) if beside.exists() else shutil.which("curfew")
    if found is None:
        raise ProviderMissing(
            "the command `curfew` is not installed: install curfew-op, or curfew-rp[testing]"
        )
    return found


def _announced(process: "subprocess.Popen[str]", errors: IO[str]) -> dict[str, str]:
    """Return the provider's own description once it is ready."""
    said = process.stdout.readline() if process.stdout else ""
    try:
        about: dict[str, str] = json.loads(said)
    except ValueError as exc:
        process.kill()
        errors.seek(0)
        raise ProviderMissing(f"`curfew dev` did not start: {errors.read().strip() or said!r}") from exc
    return about


def _stop(process: "subprocess.Popen[str]") -> None:
    if process.stdin:
        process.stdin.close()
    try:
        process.wait(_STOPS_WITHIN_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
