"""The example apps of kit/examples as processes: two nodes each, as behind a load balancer."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from tests.support.waiting import PATIENCE, wait_until
from tests.support.warm_programs import WarmProcess, WarmPrograms

EXAMPLES = Path(__file__).parents[2] / "kit" / "examples"
BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Kind:
    """One example: where it is, how it is served, and the paths that it has."""

    folder: str
    interface: str
    target: str
    login: str = "/login"
    logout: tuple[str, str] = ("GET", "/logout")
    callback: str = "/callback"
    after_sign_out: str = "/signed-out"
    auth_method: str = "client_secret_basic"
    environ: tuple[tuple[str, str], ...] = ()


_DJANGO = "django_project"
# What the command `django-admin` does, where Django is loaded already.
_ADMIN = """
import sys
from django.core.management import execute_from_command_line
execute_from_command_line(["django-admin", *sys.argv[1:]])
"""
KINDS = {
    "flask": Kind(".", "wsgi", "flask_app:app"),
    "fastapi": Kind(".", "asgi", "fastapi_app:app"),
    "django with mozilla-django-oidc": Kind(
        folder=_DJANGO,
        interface="wsgi",
        target="wsgi:application",
        login="/oidc/authenticate/",
        logout=("POST", "/oidc/logout/"),
        callback="/oidc/callback/",
        after_sign_out="/",
        auth_method="client_secret_post",
        environ=(("DJANGO_SETTINGS_MODULE", "settings_mozilla"),),
    ),
    "django with allauth": Kind(
        folder=_DJANGO,
        interface="wsgi",
        target="wsgi:application",
        login="/accounts/oidc/curfew/login/",
        logout=("POST", "/sign-out"),
        callback="/accounts/oidc/curfew/login/callback/",
        after_sign_out="/",
        auth_method="client_secret_post",
        environ=(
            ("DJANGO_SETTINGS_MODULE", "settings_allauth"),
            # Sessions in cookies, which nothing but the middleware can end.
            ("SESSION_ENGINE", "django.contrib.sessions.backends.signed_cookies"),
        ),
    ),
}


def django_admin(granian: WarmPrograms, environ: dict[str, str], *arguments: str) -> tuple[int, str, str]:
    """Run a command of Django in its example; returns the exit code and what it printed to both outputs."""
    return granian.run(["-c", _ADMIN, *arguments, "--pythonpath", "."], environ, EXAMPLES / _DJANGO)


@contextmanager
def running(
    granian: WarmPrograms, kind: Kind, ports: list[int], environ: dict[str, str], folder: Path
) -> Iterator[list[str]]:
    """Run a node of the app at each port until they answer; yields their addresses."""
    with starting(granian, kind, ports, environ, folder) as nodes:
        yield nodes.wait()


@dataclass(frozen=True)
class Nodes:
    """Processes of an app that may not answer yet."""

    processes: list[WarmProcess]
    addresses: list[str]
    folder: Path

    def wait(self) -> list[str]:
        """Wait until all of them answer; returns their addresses."""
        for process, address in zip(self.processes, self.addresses, strict=True):
            wait_until(
                lambda process=process, address=address: _answers(process, address, self.folder),
            )
        return self.addresses


@contextmanager
def starting(
    granian: WarmPrograms, kind: Kind, ports: list[int], environ: dict[str, str], folder: Path
) -> Iterator[Nodes]:
    """Start a node of the app at each port, so that other apps can be started meanwhile."""
    variables = os.environ | environ | dict(kind.environ) | {"DATABASE": str(folder / "app.sqlite3")}
    place = EXAMPLES / kind.folder
    if kind.folder == _DJANGO:
        code, _, errors = django_admin(granian, variables, "migrate", "-v0")
        assert code == 0, errors
    started = [_start(granian, kind, port, variables, place, folder) for port in ports]
    try:
        yield Nodes(started, [f"http://127.0.0.1:{port}" for port in ports], folder)
    finally:
        for process in started:
            process.terminate()
            process.wait(PATIENCE)


def _start(
    granian: WarmPrograms, kind: Kind, port: int, environ: dict[str, str], place: Path, folder: Path
) -> WarmProcess:
    arguments = ["--interface", kind.interface, "--port", str(port), kind.target]
    with (folder / f"{port}.log").open("wb") as log:
        return granian.start(arguments, environ, log, folder=place)


def _answers(process: WarmProcess, address: str, folder: Path) -> bool:
    assert process.poll() is None, "\n".join(log.read_text() for log in folder.glob("*.log"))
    try:
        return (
            requests.get(f"{address}/signed-out", timeout=PATIENCE, allow_redirects=False).status_code < 500
        )
    except requests.ConnectionError:
        return False
