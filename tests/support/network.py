"""The way to a server that a test can interrupt, watch, hold up, and rob of responses."""

import socket
import socketserver
import threading
from contextlib import suppress
from typing import Self


class Network:
    """Passes connections on from a port of its own to a server's."""

    def __init__(self, port: int = 0) -> None:
        self.upstream_port = 0
        self.is_on = True
        # Request lines, as "POST /token", in the order in which they arrived.
        self.requests: list[str] = []
        # The server gets such a request, and its response is lost on the way.
        self.lost: str | None = None
        # Such a request waits here until `let_go` is set.
        self.held: str | None = None
        self.has_held = threading.Event()
        self.let_go = threading.Event()
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", port), _handler_of(self))
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.let_go.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def repair(self) -> None:
        """Be an ordinary, unused network again."""
        self.is_on, self.lost, self.held = True, None, None
        self.requests.clear()
        self.let_go.set()
        self.has_held.clear()

    def hold(self, request: str) -> None:
        """Hold up such requests until `let_go` is set."""
        self.let_go.clear()
        self.held = request


def _handler_of(network: Network) -> type[socketserver.BaseRequestHandler]:
    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            if not network.is_on:
                return
            with socket.create_connection(("127.0.0.1", network.upstream_port)) as server:
                _Connection(network, self.request, server).pass_on()

    return Handler


class _Connection:
    """One connection; its client sends a request at a time."""

    def __init__(self, network: Network, client: socket.socket, server: socket.socket) -> None:
        self.network, self.client, self.server = network, client, server
        self.loses_response = False

    def pass_on(self) -> None:
        back = threading.Thread(target=self._answer, daemon=True)
        back.start()
        with suppress(OSError):
            while chunk := self.client.recv(65536):
                if not self.network.is_on:
                    break
                self._look_at(chunk)
                self.server.sendall(chunk)
        _shut(self.server)
        back.join()

    def _look_at(self, chunk: bytes) -> None:
        words = chunk.split(b"\r\n", 1)[0].decode(errors="replace").split()
        if len(words) != 3 or not words[2].startswith("HTTP/"):
            return
        request = f"{words[0]} {words[1].partition('?')[0]}"
        self.network.requests.append(request)
        self.loses_response = request == self.network.lost
        if request == self.network.held:
            self.network.has_held.set()
            self.network.let_go.wait()

    def _answer(self) -> None:
        with suppress(OSError):
            while (chunk := self.server.recv(65536)) and not self.loses_response:
                self.client.sendall(chunk)
        _shut(self.client)


def _shut(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
