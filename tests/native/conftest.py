"""One provider for all of these tests, as a process, behind a network that they can interrupt."""

import json
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from click.testing import CliRunner

from demo.browser import Browser
from demo.phone import Phone, Said, address_in
from demo.processes import own_environment
from provider.cli import main
from provider.infrastructure import event_log
from tests.support.demo import free_run
from tests.support.fork_server import fork_server
from tests.support.network import Network
from tests.support.waiting import PATIENCE, wait_until
from tests.support.warm_programs import WarmProcess, WarmPrograms

PASSWORD = "a-long-enough-password"
SCOPE = "openid profile email offline_access account balance transfer"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
QUICK = {"CURFEW_ARGON2_MEMORY": "1024", "CURFEW_ARGON2_PASSES": "1"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have one process of the run start the provider for all of them."""
    for item in items:
        # Few have a fixture of this name, and to compare paths takes longer.
        if "server" in getattr(item, "fixturenames", ()) and item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.xdist_group("native"))


@dataclass
class Server:
    """The provider's process, and the network in front of it."""

    network: Network
    process: WarmProcess
    data: Path
    environ: dict[str, str]

    @property
    def issuer(self) -> str:
        return self.environ["CURFEW_ISSUER"]


@pytest.fixture(scope="package")
def server(
    prepared_data: Path, warm_programs: WarmPrograms, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    data = tmp_path_factory.mktemp("native") / "data"
    shutil.copytree(prepared_data, data)
    with Network() as network:
        network.upstream_port = free_run(1)
        environ = own_environment(
            CURFEW_DATA_DIR=str(data),
            CURFEW_ISSUER=f"http://localhost:{network.port}",
            CURFEW_DPOP_NONCE_REQUIRED="true",
            **QUICK,
        )
        prepare(environ)
        with (data.parent / "serve.log").open("wb") as log:
            process = warm_programs.start(["serve", "--port", str(network.upstream_port)], environ, log)
        try:
            wait_until(lambda: answers(f"http://127.0.0.1:{network.upstream_port}/health/ready"))
            yield Server(network, process, data, environ)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE)


def prepare(environ: dict[str, str]) -> None:
    """Register the app and the two people; the command runs in this process, which is quicker."""
    for name in ("ada", "ben"):
        curfew(environ, "user", "add", name, "--claim", f"name={name.title()}", stdin=PASSWORD)
    native = ("--application-type", "native", "--token-endpoint-auth-method", "none")
    curfew(
        environ,
        *("client", "add", "--client-id", "phone", "--client-name", "Phone", *native),
        *("--redirect-uri", "http://127.0.0.1/callback", "--scope", SCOPE, "--dpop-bound-access-tokens"),
    )
    for name in ("bank", "ledger"):
        named = ("client", "add", "--client-id", name, "--client-secret", "-")
        acting = ("--grant-type", EXCHANGE, "--scope", "balance", "--may-exchange-tokens-of", "phone")
        curfew(environ, *named, *acting, stdin=PASSWORD)


def curfew(environ: dict[str, str], *words: str, stdin: str = "") -> str:
    done = CliRunner().invoke(main, words, input=stdin, env=environ)
    # The command has sent the log of this process to a stream of its own.
    event_log.configure("INFO")
    assert done.exit_code == 0, done.output
    return done.stdout


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=PATIENCE).ok
    except requests.ConnectionError:
        return False


@pytest.fixture
def network(server: Server) -> Iterator[Network]:
    server.network.repair()
    yield server.network
    server.network.repair()


@dataclass(frozen=True, kw_only=True)
class ForkedPhone(Phone):
    """A phone whose app is loaded already."""

    program: Path

    @property
    def command(self) -> list[str]:
        return [str(self.program), *super().command[3:]]


@pytest.fixture(scope="package")
def phone_program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with fork_server(tmp_path_factory.mktemp("phones"), "phone") as command:
        yield command


@pytest.fixture
def make_phone(server: Server, network: Network, phone_program: Path, tmp_path: Path) -> Callable[..., Phone]:
    def make(name: str, **changes) -> Phone:
        options = ("--insecure-storage", "--api", f"{server.issuer}/userinfo")
        given = {"folder": tmp_path / name, "issuer": server.issuer, "options": options}
        return ForkedPhone(program=phone_program, **given | changes)

    return make


@pytest.fixture
def phone(make_phone: Callable[..., Phone]) -> Phone:
    """Ada's phone, signed out."""
    return make_phone("phone")


@pytest.fixture
def tablet(make_phone: Callable[..., Phone]) -> Phone:
    """Another device."""
    return make_phone("tablet")


def sign_in(phone: Phone, browser: Browser | None = None, username: str = "ada", *words: str) -> Said:
    said = phone.sign_in(browser or Browser(), username, PASSWORD, *words)
    assert said.code == 0, said.text
    return said


def file_of(phone: Phone) -> Path:
    """The file that --insecure-storage keeps secrets in."""
    (found,) = phone.folder.glob("insecure-secrets-*.json")
    return found


def secrets_of(phone: Phone) -> dict[str, str]:
    return json.loads(file_of(phone).read_text()) if any(phone.folder.glob("insecure-*")) else {}


def text_in(folder: Path) -> str:
    """All that is stored in a folder, names included."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return "\n".join(f"{path}\n{path.read_text()}" for path in files)


def asks_for_password(phone: Phone, browser: Browser) -> bool:
    """Return whether a browser that comes from the app is asked for a password."""
    with phone.running("login", "--no-browser") as process:
        browser.open(address_in(process))
        return browser.has("sign-in")


def expire_here(phone: Phone) -> None:
    """Let the access token run out as the device sees it."""
    secrets = secrets_of(phone)
    secrets["access_token"] = json.dumps(json.loads(secrets["access_token"]) | {"expires_at": 0.0})
    file_of(phone).write_text(json.dumps(secrets))
