"""Listens on loopback and serves the application there, on both address families of `localhost`."""

import errno
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

_ADDRESSES = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))
_BACKLOG = 128
_STOP_CHECK_SECONDS = 0.1


class CannotRun(Exception):
    """The provider cannot run as requested; the sentence says why."""


def listen(port: int) -> list[socket.socket]:
    """Listen on the same port of both loopback addresses; 0 takes any free one. Raises CannotRun."""
    first = _bound(*_ADDRESSES[0], port)
    if first is None:
        raise CannotRun("this machine has no 127.0.0.1")
    try:
        second = _bound(*_ADDRESSES[1], first.getsockname()[1])
    except CannotRun:
        first.close()
        if port:
            raise
        # The port was free in one family only.
        return listen(0)
    return [first, second] if second else [first]


def _bound(family: socket.AddressFamily, address: str, port: int) -> socket.socket | None:
    """Listen at an address; return None if the machine does not have its family."""
    try:
        listener = socket.socket(family)
    except OSError:
        return None
    try:
        # Connections of the last run in TIME_WAIT must not keep the port busy.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(_BACKLOG)
    except OSError as exc:
        listener.close()
        if exc.errno == errno.EADDRNOTAVAIL:
            return None
        why = "is taken" if exc.errno == errno.EADDRINUSE else f"cannot be used: {exc.strerror}"
        raise CannotRun(f"port {port} of {address} {why}; choose another by --port") from exc
    return listener


@contextmanager
def serving(app: Flask, sockets: list[socket.socket]) -> Iterator[None]:
    """Serve requests in threads of this process."""
    servers = [_server(app, one) for one in sockets]
    threads = [
        threading.Thread(target=one.serve_forever, args=(_STOP_CHECK_SECONDS,), daemon=True)
        for one in servers
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for server in servers:
            server.shutdown()
        for thread in threads:
            thread.join()


def _server(app: Flask, listener: socket.socket) -> BaseWSGIServer:
    host, port, *_ = listener.getsockname()
    return make_server(host, port, app, threaded=True, request_handler=_SilentHandler, fd=listener.fileno())


class _SilentHandler(WSGIRequestHandler):
    def log_request(self, *_: object) -> None:
        """Write no log line for a request."""
