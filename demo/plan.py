"""The plan of the demo: where everything is, who takes part, and which programs run with which settings."""

import fcntl
import json
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from demo.phone import Phone
from demo.ports import choose_ports
from demo.processes import Program, own_environment

APPS = ("red", "green", "blue")
PHONES = ("phone-1", "phone-2")
# The protected APIs: the bank acts for people at the ledger; both query the provider about tokens. The
# archive verifies blue's tokens itself.
ASKING = ("bank", "ledger")
SERVICES = (*ASKING, "archive")
# Includes scopes beyond those of OpenID Connect.
APP_SCOPES = {
    "red": "openid profile email account",
    "green": "openid profile email",
    "blue": "openid profile email balance",
}
# In the order in which `make_plan` assigns them, starting with the provider's.
PORTS = ("provider", *APPS, "broker", *SERVICES)
PHONE_SCOPE = "openid profile email offline_access account balance transfer"
_STATE_FILE = "demo.json"


class DemoIsRunning(Exception):
    """Another demo uses this data folder."""


class DemoDataUnusable(Exception):
    """The data folder comes from another version and cannot be used."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One run of the demo: its folder, its ports and its secrets."""

    data_dir: Path
    provider_port: int
    # The ports of the apps and the services.
    app_ports: dict[str, int]
    broker_port: int
    client_secrets: dict[str, str] = field(repr=False)
    broker_password: str = field(repr=False)
    issuer_path: str = ""

    @property
    def issuer(self) -> str:
        """The provider's issuer, with the port that it actually has."""
        return f"http://localhost:{self.provider_port}{self.issuer_path}"

    @property
    def broker_url(self) -> str:
        """The address of Celery's broker."""
        return f"redis://:{self.broker_password}@127.0.0.1:{self.broker_port}/0"

    def app_url(self, name: str) -> str:
        """Return the address of an app or a service."""
        return f"http://localhost:{self.app_ports[name]}"

    def provider_environment(self) -> dict[str, str]:
        """Return the environment of the provider and its worker."""
        return own_environment(
            CURFEW_ISSUER=self.issuer,
            CURFEW_DATA_DIR=str(self.data_dir / "provider"),
            CURFEW_BROKER_URL=self.broker_url,
            CURFEW_OUTBOUND_ALLOW="127.0.0.0/8,::1/128,localhost",
        )

    def apps(self) -> Iterator[Program]:
        """Yield the three apps."""
        for name in APPS:
            command = [sys.executable, "-m", "relying_party_demo", "--name", name]
            command += ["--port", str(self.app_ports[name]), "--issuer", self.issuer, "--client-id", name]
            # The demo's tokens are worthless elsewhere, and seeing them is part of the purpose.
            command += ["--data-dir", str(self.data_dir / name), "--signing-alg", "ES256", "--expose-tokens"]
            command += ["--scope", APP_SCOPES[name]]
            if name == "blue":
                command += ["--api", f"bank={self.app_url('bank')}/balance"]
                command += ["--api", f"archive={self.app_url('archive')}/balance"]
            environ = own_environment(RP_CLIENT_SECRET=self.client_secrets[name])
            yield Program(name=name, command=command, environ=environ)

    def provider_and_worker(self) -> Iterator[Program]:
        """Yield the provider and the worker, in the order in which they start."""
        environ = self.provider_environment()
        serve = [*_curfew(), "serve", "--port", str(self.provider_port), "--threads", "8"]
        yield Program(name="provider", command=serve, environ=environ)
        yield Program(name="worker", command=[*_curfew(), "worker"], environ=environ)

    def services(self) -> Iterator[Program]:
        """Yield the protected APIs."""
        for name in SERVICES:
            command = [sys.executable, "-m", "relying_party_demo.protected_api", "--name", name]
            command += ["--port", str(self.app_ports[name]), "--issuer", self.issuer]
            command += ["--client-id", name] if name in ASKING else self._signed_mode()
            command += ["--calls", self.app_url("ledger")] if name == "bank" else []
            environ = own_environment(API_CLIENT_SECRET=self.client_secrets.get(name, ""))
            yield Program(name=name, command=command, environ=environ)

    def _signed_mode(self) -> list[str]:
        """Return the options for verifying blue's tokens, with a store shared with blue's receiver."""
        logouts = (self.data_dir / "blue" / "blue-logouts.sqlite3").resolve()
        # Tokens that were not requested for a particular API are for the issuer.
        return ["--audience", self.issuer, "--logouts", f"sqlite:///{logouts}"]

    def phones(self) -> Iterator[tuple[Path, Phone]]:
        """Yield the two phones, each with the path of its script."""
        for name in PHONES:
            # Their tokens are in a file: the demo has no keyring, and its passwords are public anyway.
            options = ("--insecure-storage", "--api", self.app_url("bank"), "--scope", PHONE_SCOPE)
            folder = (self.data_dir / f"{name}-data").resolve()
            phone = Phone(folder=folder, issuer=self.issuer, options=options)
            yield self.data_dir / name, phone

    def write_state(self, accounts: dict[str, str]) -> None:
        """Store where everything is, for programs that use the running demo."""
        state = _read_state(self.data_dir)
        state["running"] = {
            "pid": os.getpid(),
            "issuer": self.issuer,
            "apps": {name: self.app_url(name) for name in APPS},
            "services": {name: self.app_url(name) for name in SERVICES},
            "phones": {launcher.name: str(launcher) for launcher, _ in self.phones()},
            "accounts": accounts,
        }
        _write_state(self.data_dir, state)


def make_plan(data_dir: Path, first_port: int, issuer_path: str = "") -> Plan:
    """Choose ports, and reuse the secrets of the last run or make new ones."""
    state = _read_state(data_dir)
    # An earlier version may have stored only some of them.
    known = state.setdefault("secrets", {})
    for name in (*APPS, *ASKING, "broker"):
        known.setdefault(name, secrets.token_urlsafe(32))
    state.pop("running", None)
    _write_state(data_dir, state)
    ports = dict(zip(PORTS, choose_ports(first_port, len(PORTS)), strict=True))
    return Plan(
        data_dir=data_dir,
        provider_port=ports["provider"],
        app_ports={name: ports[name] for name in (*APPS, *SERVICES)},
        broker_port=ports["broker"],
        client_secrets={name: state["secrets"][name] for name in (*APPS, *ASKING)},
        broker_password=state["secrets"]["broker"],
        issuer_path=issuer_path,
    )


@contextmanager
def sole_use_of(data_dir: Path) -> Iterator[None]:
    """Lock the data folder for this process; the system releases the lock when the process ends."""
    data_dir.mkdir(parents=True, exist_ok=True)
    data_dir.chmod(0o700)
    with (data_dir / "demo.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            where = _read_state(data_dir).get("running", {}).get("issuer", "another address")
            raise DemoIsRunning(
                f"a demo already runs on the data folder {data_dir}, at {where}; stop it or choose --data-dir"
            ) from None
        yield


def _curfew() -> list[str]:
    return [str(Path(sys.executable).with_name("curfew"))]


def _read_state(data_dir: Path) -> dict[str, Any]:
    path = data_dir / _STATE_FILE
    if not path.exists():
        return {}
    state: dict[str, Any] = json.loads(path.read_text())
    return state


def _write_state(data_dir: Path, state: dict[str, Any]) -> None:
    # Replaced atomically, because a program may read it at any moment. Only the owner can enter the folder.
    draft = data_dir / f"{_STATE_FILE}.new"
    draft.write_text(json.dumps(state, indent=2))
    draft.replace(data_dir / _STATE_FILE)
