"""django-oauth-toolkit on PostgreSQL, in an environment of its own and served like Curfew."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from sqlalchemy import make_url

from benchmarks.comparison.operations import AT_ONCE
from benchmarks.comparison.processes import Process, bind
from benchmarks.comparison.relying_party import Metadata
from benchmarks.comparison.subjects import Place, Subject, collect_statistics, fill, postgresql
from benchmarks.comparison.wire import CountingWire
from benchmarks.delivery_site import free_port

_FOLDER = Path(__file__).parent.parent / "django"
_LOCK, _PYTHON = _FOLDER / "requirements.lock", _FOLDER / ".venv" / "bin" / "python"


def install() -> str:
    """Install the packages of the lock file; returns the reason if that fails, or an empty text."""
    pip = [str(_PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    for command in (
        [sys.executable, "-m", "venv", str(_FOLDER / ".venv")],
        [*pip, "--no-deps", "--require-hashes", "--only-binary", ":all:", "-r", str(_LOCK)],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            return done.stderr.strip()[-300:]
    return ""


def versions() -> dict[str, str]:
    """Return the versions of what is measured."""
    pins = [line.split()[0] for line in _LOCK.read_text(encoding="utf-8").splitlines() if "==" in line]
    found = dict(pin.split("==") for pin in pins)
    return {name: found[name] for name in ("django", "django-oauth-toolkit")}


@contextmanager
def start(place: Place) -> Iterator[Subject]:
    """Start it with one process, and a thread with its own connection for each concurrent visitor."""
    with ExitStack() as stack:
        url, postgres = stack.enter_context(postgresql())
        parts = make_url(url)
        wires = [CountingWire(parts.port or 0)] if place.counting else []
        port = free_port()
        setup = place.folder / "django.json"
        setup.write_text(json.dumps(_setup(parts.database or "", wires[0].port if wires else parts.port)))
        environ = {"DJANGO_SETUP": str(setup), "PYTHONPATH": str(_FOLDER)}
        fill([str(_PYTHON), str(_FOLDER / "toolkit.py")], dict(os.environ) | environ, place)
        serve = ["-m", "granian", "--interface", "wsgi", "--workers", "1", "--port", str(port)]
        threads = ["--blocking-threads", str(AT_ONCE), "toolkit:application"]
        server = Process([str(_PYTHON), *serve, *threads], place.folder / "django.log", environ, place.cores)
        stack.callback(server.stop)
        issuer = f"http://127.0.0.1:{port}"
        server.wait_until_ready(f"{issuer}/.well-known/openid-configuration")
        bind(postgres, place.cores)
        # The provider has the endpoint (rfc7662) but does not announce it.
        metadata = Metadata.discover(issuer)
        more = {"introspection_endpoint": f"{issuer}/introspect/"}
        yield Subject(
            "django-oauth-toolkit",
            replace(metadata, endpoints=metadata.endpoints | more),
            [server.pid],
            [postgres],
            wires,
            notifies=False,
            settle=partial(collect_statistics, url),
        )


def _setup(database: str, port: int | None) -> dict[str, object]:
    from joserfc.jwk import RSAKey

    key = RSAKey.generate_key(2048, private=True)
    options = {"sslmode": "disable", "gssencmode": "disable"}
    server = {"NAME": database, "HOST": "127.0.0.1", "PORT": port, "USER": "postgres", "OPTIONS": options}
    return {"database": server, "key": key.as_pem(private=True).decode()}
