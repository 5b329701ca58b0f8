"""A whole provider as its operator runs it: database, broker, web process, workers, relying parties.

Everything is a real process or a real socket, driven by the `curfew` command, its settings and HTTP.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from base64 import urlsafe_b64decode
from datetime import timedelta
from pathlib import Path
from typing import Any

import requests
from click.testing import CliRunner

from provider.cli import main
from provider.infrastructure import event_log, seen_database
from tests.faults.checker import Rules, check
from tests.faults.databases import Database, PostgresDatabase
from tests.faults.history import History
from tests.faults.programs import Program
from tests.faults.proxy import Wire
from tests.faults.simulators import RelyingParty
from tests.faults.tables import read_tables
from tests.faults.visitors import Visitors, secret_of
from tests.support.waiting import PATIENCE, wait_until
from tests.support.warm_programs import WarmPrograms

SECRET_KEY = "dGVzdC1rZXktdGVzdC1rZXktdGVzdC1rZXktMTIzNDU"
PASSWORD = "ada takes the night train to turin"
PEOPLE = ("ada", "ben", "cleo")
# Violet is sent `sub` alone and green `sid` alone; the signatures are of two kinds.
RPS = {"red": "RS256", "green": "ES256", "blue": "RS256", "yellow": "ES256", "violet": "ES256"}
SUB_ONLY, SID_ONLY = "violet", "green"
LEASE, DEADLINE, SWEEP = 3.0, 2.0, 0.3
# Thirteen tries within some twenty seconds instead of seventy hours.
SCHEDULE = "200ms,300ms,500ms,1s,1s,1s,2s,2s,2s,3s,3s,3s"
CURFEW = [sys.executable, "-c", "from provider.command import main; main()"]


class Site:
    """One provider on one database, from its opening to its end."""

    def __init__(
        self,
        folder: Path,
        database: Database,
        rps: dict[str, RelyingParty],
        port: int,
        *,
        broker_url: str = "",
        settings: dict[str, str] | None = None,
        warm: WarmPrograms | None = None,
    ) -> None:
        self.folder = folder
        self.database = database
        self.rps = rps
        self.port = port
        self.warm = warm
        self.issuer = f"http://127.0.0.1:{port}"
        self.history = History()
        self.settings = {
            "database_url": database.url,
            "broker_url": broker_url,
            "data_dir": str(folder / "data"),
            "secret_key": SECRET_KEY,
            "issuer": self.issuer,
            "delivery_schedule": SCHEDULE,
            "delivery_lease": f"{LEASE}s",
            "outbound_deadline": f"{DEADLINE}s",
            "outbound_connect_timeout": "1s",
            "sweep_interval": f"{SWEEP}s",
            "outbound_allow": "127.0.0.0/8,localhost",
            "notify_budget": "0s",
            "endpoint_probe_wait": "300ms",
            "argon2_memory": "1024",
            "argon2_passes": "1",
            "password_min_length": "8",
            # All visitors come from the same address.
            "parked_request_limit_address": "1000 per second",
        } | (settings or {})
        for rp in rps.values():
            rp.begin(self.history, self.issuer)
        self.visitors = Visitors(self.issuer, rps, self.history, PASSWORD)
        self.web: Program | None = None
        self.other_webs: list[Program] = []
        self.workers: list[Program] = []
        self.logs: list[Path] = []
        self.wires: list[Wire] = []

    @property
    def secret_key(self) -> bytes:
        return urlsafe_b64decode(SECRET_KEY + "=")

    def environ(self, **changes: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CURFEW_")}
        settings = {f"CURFEW_{name.upper()}": value for name, value in (self.settings | changes).items()}
        return kept | settings

    def prepare(self) -> None:
        """Set up the database with people and clients, all by the `curfew` command."""
        commands = [["db", "upgrade"], ["keys", "rotate", "--now"]]
        commands += [["user", "add", name, "--claim", f"email={name}@example.test"] for name in PEOPLE]
        commands += [client_command(rp, RPS[name]) for name, rp in self.rps.items()]
        self.curfew_many(commands)

    def curfew_many(self, commands: list[list[str]]) -> None:
        """Run several commands in this process: to start one takes longer than most of them."""
        for command in commands:
            done = CliRunner().invoke(main, command, input=f"{PASSWORD}\n", env=self.environ())
            assert done.exit_code == 0, done.output
        # They have sent the log of this process to a stream of their own.
        event_log.configure("INFO")

    def curfew(self, *arguments: str, code: int = 0) -> str:
        """Run a `curfew` command as an operator would; returns what it printed."""
        if self.warm:
            found, printed, errors = self.warm.run(list(arguments), self.environ())
        else:
            command = [*CURFEW, *arguments]
            done = subprocess.run(command, env=self.environ(), capture_output=True, text=True, check=False)
            found, printed, errors = done.returncode, done.stdout, done.stderr
        assert found == code, errors + printed
        return printed

    def note_how_far_it_is(self) -> None:
        """Link the audit, and wait until the web process has remembered its end.

        Those who ask whether it is ready get a result that may be a second old.
        """
        end = int(self.curfew("audit", "head").partition(":")[0])

        def is_noted() -> bool:
            self.wait_until_open()
            seen = seen_database.read(Path(self.settings["data_dir"]))
            return any(mark.audit_seq >= end for mark in seen.marks.values())

        wait_until(is_noted)

    def open(self, *, workers: int = 1) -> "Site":
        """Start the web process and some workers."""
        self.start_web(wait=False)
        started = [self.start_worker(wait=False) for _ in range(workers)]
        self.wait_until_open()
        for worker in started:
            self.wait_for_worker(worker)
        return self

    def start_web(self, *, wait: bool = True, **changes: str) -> Program:
        self.web = self._start("web", ["serve", "--port", str(self.port), "--threads", "8"], changes)
        if wait:
            self.wait_until_open()
        return self.web

    def start_other_web(self, **changes: str) -> str:
        """Start another node of the same provider; returns where it listens."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        web = self._start("web", ["serve", "--port", str(port), "--threads", "8"], changes)
        self.other_webs.append(web)
        self._wait_until_answers(web, f"http://127.0.0.1:{port}")
        return f"http://127.0.0.1:{port}"

    def wait_until_open(self) -> None:
        assert self.web is not None
        self._wait_until_answers(self.web, self.issuer)

    def _wait_until_answers(self, web: Program, at: str) -> None:
        def answers() -> bool:
            assert web.is_running, web.log.read_text()
            with contextlib.suppress(requests.RequestException), requests.Session() as program:
                program.trust_env = False
                return program.get(f"{at}/health/ready", timeout=PATIENCE).status_code == 200
            return False

        wait_until(answers)

    def start_worker(
        self,
        *,
        wait: bool = True,
        launcher: list[str] | None = None,
        log: Path | None = None,
        **changes: str,
    ) -> Program:
        worker = self._start("worker", ["worker"], changes, launcher, log)
        self.workers.append(worker)
        if wait:
            self.wait_for_worker(worker)
        return worker

    def wait_for_worker(self, worker: Program) -> None:
        wait_until(lambda: worker.events("worker_started") or not worker.is_running)
        assert worker.is_running, worker.log.read_text()

    def _start(
        self,
        name: str,
        arguments: list[str],
        changes: dict[str, str],
        launcher: list[str] | None = None,
        log: Path | None = None,
    ) -> Program:
        if log is None:
            log = self.folder / f"{name}-{len(self.logs)}.log"
            self.logs.append(log)
        environ = self.environ(**changes)
        if self.warm and not launcher:
            return Program(arguments, environ, log, self.warm)
        return Program([*(launcher or CURFEW), *arguments], environ, log)

    def wire_to_database(self) -> Wire:
        """Put a wire between the site and PostgreSQL; processes started from now on use it."""
        assert isinstance(self.database, PostgresDatabase)
        wire = Wire(("127.0.0.1", self.database.server.port))
        self.wires.append(wire)
        self.settings["database_url"] = self.database.url_at(wire.port)
        return wire

    def wire_to(self, port: int) -> Wire:
        wire = Wire(("127.0.0.1", port))
        self.wires.append(wire)
        return wire

    def deliveries(self, condition: str = "1 = 1") -> list[dict[str, Any]]:
        return self.database.rows(
            "SELECT d.*, c.client_id AS rp FROM delivery d JOIN client c ON c.id = d.client_id"
            f" WHERE {condition} ORDER BY d.id"
        )

    def wait_until_settled(self, *, seconds: float = PATIENCE) -> None:
        """Wait until nothing is owed any more."""
        wait_until(lambda: not self.deliveries("d.state = 'pending'"), seconds=seconds)

    def states(self) -> dict[str, int]:
        counted: dict[str, int] = {}
        for row in self.deliveries():
            counted[row["state"]] = counted.get(row["state"], 0) + 1
        return counted

    def findings(self, **rules: Any) -> list[str]:
        """Return the checker's findings about everything so far; empty when all is well."""
        chosen = {"secret_key": self.secret_key, "tries": SCHEDULE.count(",") + 2} | rules
        chosen.setdefault("last_wait", _span(self.settings["delivery_schedule"].split(",")[-1]))
        return check(read_tables(self.database), self.history, Rules(**chosen), self.logs)

    def close(self) -> None:
        for rp in self.rps.values():
            rp.released.set()
        for wire in self.wires:
            wire.close()
        for program in (*self.workers, *self.other_webs, self.web):
            if program is not None and program.is_running:
                program.signal(signal.SIGCONT)
                program.kill()


def _span(text: str) -> timedelta:
    """Read a span of a setting, such as 200ms or 2s."""
    if text.endswith("ms"):
        return timedelta(milliseconds=int(text.removesuffix("ms")))
    return timedelta(seconds=int(text.removesuffix("s")))


def client_command(rp: RelyingParty, alg: str) -> list[str]:
    """The command that registers a relying party."""
    return [
        *("client", "add", "--client-id", rp.name, "--client-secret", secret_of(rp.name), "--first-party"),
        *("--client-name", rp.name.title(), "--redirect-uri", f"{rp.url}/callback"),
        *("--post-logout-redirect-uri", f"{rp.url}/signed-out"),
        *("--backchannel-logout-uri", f"{rp.url}/backchannel-logout"),
        *("--grant-type", "authorization_code", "--grant-type", "refresh_token"),
        *("--scope", "openid profile email offline_access"),
        *("--id-token-signed-response-alg", alg),
        *("--logout-token-names", {SUB_ONLY: "sub", SID_ONLY: "sid"}.get(rp.name, "both")),
    ]
