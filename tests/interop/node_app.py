"""An app on Node.js that is a printed recipe and a few lines that serve it, as a process of the test."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from tests.support.waiting import wait_until

MODULES = Path(__file__).with_name("node") / "node_modules"
# What serves an app once its script has made it.
LISTEN = 'app.listen({port}, "127.0.0.1");'


def find_node(package: str) -> str | None:
    """Return the path of Node.js if it and the package are installed."""
    return shutil.which("node") if (MODULES / package).is_dir() else None


@contextmanager
def node_app(script: str, port: int, *, module: bool = False, **environ: str) -> Iterator[str]:
    """Run a script that makes an Express `app`; yields where it is.

    `module` says that the script is an ECMAScript module, and not a CommonJS one.
    """
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "node_modules").symlink_to(MODULES)
        file = Path(folder) / ("app.mjs" if module else "app.cjs")
        file.write_text(f"{script}\n{LISTEN.format(port=port)}\n")
        output = Path(folder) / "output.txt"
        with output.open("wb") as out:
            process = subprocess.Popen(
                [shutil.which("node"), file], env=os.environ | environ, stdout=out, stderr=subprocess.STDOUT
            )
        try:
            wait_until(lambda: process.poll() is not None or _answers(url))
            assert process.poll() is None, output.read_text()
            yield url
        finally:
            process.terminate()
            process.wait(20)


def _answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/health", timeout=2).status_code < 500
    except requests.ConnectionError:
        return False
