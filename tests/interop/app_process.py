"""An app of others as a process of the test, in whatever language."""

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import requests

from tests.support.waiting import PATIENCE, wait_until


@contextmanager
def running(command: Sequence[str | Path], folder: Path, url: str, environ: dict[str, str]) -> Iterator[str]:
    """Run an app until it answers at its address, which is yielded; its output stands in the folder."""
    output = folder / "output.txt"
    with output.open("wb") as out:
        process = subprocess.Popen(command, env=os.environ | environ, stdout=out, stderr=subprocess.STDOUT)
    try:
        wait_until(lambda: process.poll() is not None or _answers(url))
        assert process.poll() is None, output.read_text()
        yield url
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=PATIENCE, allow_redirects=False).status_code < 500
    except requests.ConnectionError:
        return False
