"""`curfew serve` as a process."""

import os
import shutil
import signal
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import pytest
import requests

from demo.processes import own_environment
from tests.support.certificates import localhost_certificate
from tests.support.demo import free_run
from tests.support.processes import descendants, is_alive
from tests.support.waiting import PATIENCE, wait_until
from tests.support.warm_programs import WarmProcess, WarmPrograms

pytestmark = pytest.mark.processes
NOT_MIGRATED = 3
WRONG_SETTINGS = 2


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return own_environment(CURFEW_DATA_DIR=str(tmp_path / "data"))


@pytest.fixture
def migrated(environ: dict[str, str], prepared_data: Path) -> dict[str, str]:
    shutil.copytree(prepared_data, environ["CURFEW_DATA_DIR"])
    return environ


Fails = Callable[..., tuple[int, str]]


@pytest.fixture
def serve_fails(warm_programs: WarmPrograms) -> Fails:
    """Runs a `curfew serve` that is refused; returns its exit code and its errors."""

    def run(environ: dict[str, str], *options: str) -> tuple[int, str]:
        code, _, errors = warm_programs.run(["serve", *options], environ)
        return code, errors

    return run


Serving = Callable[..., AbstractContextManager[WarmProcess]]


@pytest.fixture
def serving(warm_programs: WarmPrograms, tmp_path: Path) -> Serving:
    """Runs a `curfew serve`, which writes to `serve.log`."""

    @contextmanager
    def run(environ: dict[str, str], *options: str) -> Iterator[WarmProcess]:
        with (tmp_path / "serve.log").open("wb") as log:
            process = warm_programs.start(["serve", *options], environ, log)
        try:
            yield process
        finally:
            process.terminate()
            process.wait(PATIENCE)

    return run


def response_of(url: str, **options) -> requests.Response | None:
    try:
        return requests.get(url, timeout=PATIENCE, **options)
    except requests.ConnectionError:
        return None


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    return localhost_certificate(tmp_path)


def test_a_database_without_migrations_is_one_line_that_says_what_to_run(environ, serve_fails):
    code, errors = serve_fails(environ)

    assert code == NOT_MIGRATED
    assert errors.count("\n") == 1
    assert "curfew db upgrade" in errors


def test_every_wrong_setting_is_said_at_once(environ, serve_fails):
    environ |= {"CURFEW_ISSUER": "http://id.example", "CURFEW_SWEEP_INTERVAL": "soon"}

    code, errors = serve_fails(environ)

    assert code == WRONG_SETTINGS
    assert "issuer" in errors
    assert "sweep_interval" in errors


@pytest.mark.parametrize(
    ("options", "said"),
    [
        pytest.param(("--tls-cert", __file__), "must be given together", id="a certificate without its key"),
        pytest.param(("--tls-cert", __file__, "--tls-key", __file__), "https", id="a certificate for http"),
        pytest.param(("--threads", "100"), "POOL_SIZE", id="more threads than database connections"),
    ],
)
def test_options_that_cannot_work_are_refused(migrated, serve_fails, options, said):
    code, errors = serve_fails(migrated, *options)

    assert code == WRONG_SETTINGS
    assert said in errors


def test_a_busy_port_is_not_shared(migrated, serve_fails):
    with socket.socket() as neighbour:
        neighbour.bind(("127.0.0.1", 0))
        neighbour.listen()
        port = neighbour.getsockname()[1]

        code, errors = serve_fails(migrated, "--port", str(port))

    assert code == 1
    assert f"127.0.0.1:{port} is taken" in errors


def test_it_listens_on_the_issuers_port_and_leaves_at_once_when_asked(migrated, serving, tmp_path):
    port = free_run(1)
    issuer = f"http://localhost:{port}"
    with serving(migrated | {"CURFEW_ISSUER": issuer}) as process:
        wait_until(lambda: response_of(f"{issuer}/health/ready"))
        family = descendants(process.pid)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0

    assert (tmp_path / "serve.log").read_text().startswith(f"Curfew serves {issuer} on ")
    assert not any(map(is_alive, family))


def test_its_workers_do_not_outlive_a_kill(migrated, serving):
    port = free_run(1)
    with serving(migrated, "--port", str(port), "--workers", "2") as process:
        wait_until(lambda: response_of(f"http://127.0.0.1:{port}/health/live"))
        family = descendants(process.pid)
        os.kill(process.pid, signal.SIGKILL)

        wait_until(lambda: not any(map(is_alive, family)))


@pytest.mark.parametrize("least", ["1.3", "1.2"])
def test_it_serves_tls_with_its_own_certificate_on_the_issuers_port(migrated, serving, certificate, least):
    cert_file, key_file = certificate
    port = free_run(1)
    issuer = f"https://localhost:{port}"
    options = ["--tls-cert", str(cert_file), "--tls-key", str(key_file)]
    # TLS 1.2 only where an operator asks for it (BCP 195: the suites of 1.2 cannot be chosen).
    options += ["--tls-min", least] if least != "1.3" else []
    with serving(migrated | {"CURFEW_ISSUER": issuer}, *options):
        metadata = wait_until(
            lambda: response_of(f"{issuer}/.well-known/openid-configuration", verify=cert_file)
        )
        older = ssl.create_default_context(cafile=str(cert_file))
        older.maximum_version = ssl.TLSVersion.TLSv1_2
        refused = nullcontext() if least == "1.2" else pytest.raises(ssl.SSLError)
        with socket.create_connection(("localhost", port)) as wire, refused:
            older.wrap_socket(wire, server_hostname="localhost").close()

    assert metadata.json()["issuer"] == issuer
    assert "Strict-Transport-Security" in metadata.headers
