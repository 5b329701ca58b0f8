"""Run the gate on granian, in one or several processes."""

import errno
import logging
import socket
from functools import partial

from granian import Granian
from granian.constants import HTTPModes, Interfaces
from sqlalchemy.exc import SQLAlchemyError

from curfew_rp.errors import CannotTell
from curfew_rp.gate.asgi import GateApp
from curfew_rp.gate.gate import Gate
from curfew_rp.gate.records import open_stores
from curfew_rp.gate.settings import Settings

_SECONDS_TO_STOP = 10
_MOST_CONNECTIONS = 4096


class CannotServe(Exception):
    """The address or the store cannot be used."""


def prepare(settings: Settings, host: str, port: int) -> None:
    """Create the tables, and detect problems that would occur later; raises CannotServe."""
    _refuse_busy_port(host, port)
    try:
        store, _ = open_stores(settings.store)
    except (CannotTell, ImportError, OSError, ValueError, SQLAlchemyError) as exc:
        raise CannotServe(f"the store cannot be opened: {str(exc).partition(chr(10))[0]}") from exc
    store.close()


def serve(settings: Settings, *, host: str, port: int, workers: int, threads: int) -> None:
    """Serve until SIGTERM or Ctrl-C."""
    server = Granian(
        "curfew_rp.gate",
        address=host,
        port=port,
        interface=Interfaces.ASGINL,
        workers=workers,
        backpressure=_MOST_CONNECTIONS,
        http=HTTPModes.http1,
        # Caddy queries the gate about a WebSocket with the headers of its upgrade.
        websockets=False,
        workers_kill_timeout=_SECONDS_TO_STOP,
        respawn_failed_workers=True,
        log_enabled=False,
    )
    server.serve(target_loader=partial(_load, settings, threads), wrap_loader=False)


def _load(settings: Settings, threads: int) -> GateApp:
    """Make the app in a worker process."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    return GateApp(Gate(settings), threads)


def _refuse_busy_port(host: str, port: int) -> None:
    """Refuse a port in use: the server would share it, and requests would go to either program."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as exc:
        why = "is taken" if exc.errno == errno.EADDRINUSE else f"cannot be used: {exc.strerror}"
        raise CannotServe(f"{host}:{port} {why}") from exc
