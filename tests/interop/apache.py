"""Apache with mod_auth_openidc, as a process of the test: a relying party that is all configuration."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from tests.support.waiting import PATIENCE, wait_until

MODULES = Path("/usr/lib/apache2/modules")
TEMPLATE = Path(__file__).with_name("apache.conf")
PAGES = {
    "private.html": "<h1>For Ada</h1>",
    "signed-out.html": "<h1>Signed out</h1>",
}


def find_apache() -> str | None:
    """Return the path of an Apache that has the module."""
    apache = shutil.which("apache2", path=f"{os.environ['PATH']}:/usr/sbin")
    return apache if apache and (MODULES / "mod_auth_openidc.so").exists() else None


@contextmanager
def apache(folder: Path, port: int, recipe: str, secret: str) -> Iterator[None]:
    """Run Apache in a folder of its own, with the configuration that a recipe printed."""
    (folder / "curfew.conf").write_text(recipe.replace("CURFEW_CLIENT_SECRET", secret))
    config = _write(folder, port)
    with (folder / "output.txt").open("wb") as output:
        process = subprocess.Popen(
            [find_apache(), "-f", config, "-DFOREGROUND"], stdout=output, stderr=subprocess.STDOUT
        )
    try:
        wait_until(lambda: process.poll() is not None or _answers(port))
        assert process.poll() is None, (folder / "output.txt").read_text()
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _write(folder: Path, port: int) -> Path:
    pages = folder / "pages"
    pages.mkdir(parents=True)
    for name, content in PAGES.items():
        (pages / name).write_text(content)
    as_whom = ""
    if os.geteuid() == 0:
        # Apache gives up being root and must say for whom; its children then read the pages of root.
        as_whom = "User nobody\nGroup nogroup"
    names = {"folder": folder, "port": port, "modules": MODULES, "as_whom": as_whom}
    text = TEMPLATE.read_text()
    for name, value in names.items():
        text = text.replace(f"{{{name}}}", str(value))
    config = folder / "apache.conf"
    config.write_text(text)
    return config


def _answers(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/signed-out.html", timeout=PATIENCE).status_code < 500
    except requests.ConnectionError:
        return False
