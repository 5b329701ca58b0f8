"""A real `curfew serve`, and requests that are written byte by byte."""

import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests

from demo.processes import own_environment
from tests.support.demo import CURFEW, free_run
from tests.support.waiting import PATIENCE, wait_until
from tests.support.warm_programs import WarmProcess, WarmPrograms


@dataclass(frozen=True)
class Served:
    """A provider that runs in processes of its own."""

    port: int
    log: Path
    process: "WarmProcess | subprocess.Popen[bytes]"
    authority: Path | None = None
    sockets: list[socket.socket] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"{'https' if self.authority else 'http'}://localhost:{self.port}"

    def get(self, path: str, **options) -> requests.Response:
        return requests.get(f"{self.url}{path}", timeout=PATIENCE, verify=self.authority or True, **options)

    def send(self, *parts: str) -> socket.socket:
        """Open a connection and send this much; what is missing of the request does not come."""
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
        connection = plain
        if self.authority:
            context = ssl.create_default_context(cafile=self.authority)
            connection = context.wrap_socket(plain, server_hostname="localhost")
        connection.sendall("".join(parts).encode("latin-1"))
        self.sockets.append(connection)
        return connection

    def response_to(self, *parts: str) -> str:
        """Send this and return everything until the server closes the connection."""
        return read_to_the_end(self.send(*parts))


def read_to_the_end(connection: socket.socket) -> str:
    received = b""
    while chunk := connection.recv(65536):
        received += chunk
    return received.decode("latin-1")


@contextmanager
def served(
    folder: Path,
    *options: str,
    prepared: Path | None = None,
    authority: Path | None = None,
    warm: WarmPrograms | None = None,
    **settings: str,
) -> Iterator[Served]:
    """Start a provider on the copy of a prepared data folder, or on one that it makes with these settings.

    With warm programs it is forked, which spares it its start-up time.
    """
    port = free_run(1)
    scheme = "https" if authority else "http"
    environ = own_environment(
        CURFEW_DATA_DIR=str(folder / "data"), CURFEW_ISSUER=f"{scheme}://localhost:{port}", **settings
    )
    if prepared:
        shutil.copytree(prepared, folder / "data")
    elif warm:
        code, _, errors = warm.run(["db", "upgrade"], environ)
        assert code == 0, errors
    else:
        subprocess.run([CURFEW, "db", "upgrade"], env=environ, check=True, capture_output=True)
    log = folder / "serve.log"
    arguments = ["serve", "--port", str(port), *options]
    with log.open("wb") as output:
        process = (
            warm.start(arguments, environ, output)
            if warm
            else subprocess.Popen([CURFEW, *arguments], env=environ, stdout=output, stderr=output)
        )
    here = Served(port, log, process, authority)
    try:
        wait_until(lambda: _is_ready(here))
        yield here
    finally:
        for connection in here.sockets:
            connection.close()
        process.terminate()
        process.wait(PATIENCE)


def _is_ready(here: Served) -> bool:
    assert here.process.poll() is None, here.log.read_text()
    try:
        return here.get("/health/live").status_code == 200
    except requests.ConnectionError:
        return False


@pytest.fixture(scope="module")
def serve(tmp_path_factory, prepared_data, warm_programs) -> Iterator:
    """Start a provider with these options and settings; it ends with the module."""
    with ExitStack() as stack:

        def start(*options: str, authority: Path | None = None, **settings: str) -> Served:
            folder = tmp_path_factory.mktemp("serve")
            return stack.enter_context(
                served(
                    folder,
                    *options,
                    prepared=prepared_data,
                    authority=authority,
                    warm=warm_programs,
                    **settings,
                )
            )

        yield start
