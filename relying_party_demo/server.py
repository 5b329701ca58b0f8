"""Serve an app with granian: one worker process with several threads, which stops at once when asked to."""

import errno
import multiprocessing
import os
import socket
import threading
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import wait

from flask import Flask
from granian import Granian
from granian.constants import HTTPModes, Interfaces

from relying_party_demo.app import create_app
from relying_party_demo.config import RelyingPartyConfig, WrongConfiguration

# More than the endpoint may hold at once when it is silent (behaviour.py).
THREADS = 16
# Requests that the switch holds must not delay stopping.
SECONDS_TO_STOP = 1


def serve(config: RelyingPartyConfig, host: str, port: int) -> None:
    """Serve an app until SIGTERM or SIGINT."""
    serve_application(f"relying_party_demo ({config.name})", partial(load, config), host, port)


def serve_application(title: str, make: Callable[[], Flask], host: str, port: int) -> None:
    """Serve what `make` returns in the worker process, until SIGTERM or SIGINT."""
    refuse_busy_port(host, port)
    server = Granian(
        title,
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        blocking_threads=THREADS,
        http=HTTPModes.http1,
        workers_kill_timeout=SECONDS_TO_STOP,
        log_enabled=False,
    )
    server.serve(target_loader=make, wrap_loader=False)


def refuse_busy_port(host: str, port: int) -> None:
    """Refuse a port in use: the server would share it, so requests would be split between two apps."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as exc:
            why = "is taken" if exc.errno == errno.EADDRINUSE else f"cannot be used: {exc.strerror}"
            raise WrongConfiguration(f"port {port} {why}") from exc


def load(config: RelyingPartyConfig) -> Flask:
    """Make the app inside the worker, after the fork, so that no connection is shared by two processes."""
    leave_with_parent_later()
    app = create_app(config)
    app.extensions["relying_party"].journal.record(
        "rp_started", base_url=config.base_url, issuer=config.issuer
    )
    return app


def leave_with_parent_later() -> None:
    """Make this process exit when its parent is gone."""
    threading.Thread(target=leave_with_parent, daemon=True).start()


def leave_with_parent() -> None:
    """Exit when the main process is gone, even if it was killed and could not announce it."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
