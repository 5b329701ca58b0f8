"""Other parties at the far end of the wire: real sockets on loopback that behave as scripted."""

import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address, ip_network
from typing import Self

from provider.infrastructure.outbound_http import OutboundPolicy
from tests.support.waiting import PATIENCE

LOOPBACK = (ip_network("127.0.0.0/8"),)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def policy(**changes) -> OutboundPolicy:
    return OutboundPolicy(**({"allowed_networks": LOOPBACK} | changes))


def always(*addresses: str):
    """Return a resolver that knows only these addresses."""
    return lambda _host, _port: [ip_address(address) for address in addresses]


class Wire:
    """One accepted connection, as a script sees it."""

    def __init__(self, sock: socket.socket, server: "Server", number: int) -> None:
        self.sock, self.server, self.number = sock, server, number

    def read_request(self) -> bytes | None:
        """Return one whole request, or None when the client has closed."""
        data = b""
        while b"\r\n\r\n" not in data:
            piece = self.sock.recv(65536)
            if not piece:
                return None
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        length = next(
            (int(h[15:]) for h in head.split(b"\r\n") if h.lower().startswith(b"content-length:")), 0
        )
        while len(body) < length:
            body += self.sock.recv(65536)
        self.server.requests.append(head + b"\r\n\r\n" + body)
        return self.server.requests[-1]

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def drip(self, data: bytes) -> None:
        """Send byte by byte until the client gives up or the test ends."""
        for byte in data:
            if self.server.stopping.wait(0.05):
                return
            self.sock.sendall(bytes([byte]))

    def flood(self, data: bytes) -> None:
        """Send the same again and again until the client gives up or the test ends."""
        while not self.server.stopping.is_set():
            self.sock.sendall(data)
            self.server.flooded += len(data)

    def reset(self) -> None:
        """Close with RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        self.sock.close()


class Server:
    """A server that runs `script(wire)` for each connection, in threads of its own."""

    def __init__(self, script: Callable[[Wire], None], *, tls: ssl.SSLContext | None = None) -> None:
        self._script, self._tls = script, tls
        self.stopping = threading.Event()
        self.connections = 0
        self.flooded = 0
        self.requests: list[bytes] = []
        self._threads: list[threading.Thread] = []
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def url(self, path: str = "/cb", *, host: str = "127.0.0.1", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"

    def __enter__(self) -> Self:
        self._spawn(self._accept)
        return self

    def __exit__(self, *exc: object) -> None:
        self.stopping.set()
        # A blocked accept() is not woken by close(); a shutdown wakes it.
        self._listener.shutdown(socket.SHUT_RDWR)
        for sock in self._open:
            # Scripts that wait for one more request on an idle connection learn that there is none.
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE)
            assert not thread.is_alive(), "a script does not end"
        self._listener.close()

    def without_tls(self, sock: socket.socket) -> socket.socket:
        """Take the TCP socket out of a TLS one."""
        plain = socket.socket(fileno=sock.detach())
        self._open.append(plain)
        plain.settimeout(PATIENCE)
        return plain

    def _spawn(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(sock)
            self._spawn(self._serve, sock, self.connections)

    def _serve(self, sock: socket.socket, number: int) -> None:
        # A client that gives up is what most of these scripts wait for.
        sock.settimeout(PATIENCE)
        try:
            if self._tls is not None:
                plain, sock = (
                    sock,
                    self._tls.wrap_socket(sock, server_side=True, do_handshake_on_connect=False),
                )
                plain.close()
                self._open.append(sock)
                sock = self._shake_hands(sock)
            self._script(Wire(sock, self, number))
        except OSError:
            self.requests.append(b"the client gave up")
        finally:
            sock.close()

    def _shake_hands(self, sock: ssl.SSLSocket) -> socket.socket:
        try:
            sock.do_handshake()
        except ssl.SSLError:
            # Closing with unread data would send RST, which may overtake our alert: the client closes first.
            with self.without_tls(sock) as plain:
                while plain.recv(65536):
                    pass
            raise
        return sock


def answering(*responses: bytes) -> Callable[[Wire], None]:
    """Script: answer the requests of a connection in turn, the last response for ever."""

    def script(wire: Wire) -> None:
        count = 0
        while wire.read_request() is not None:
            wire.send(responses[min(count, len(responses) - 1)])
            count += 1

    return script


def once(act: Callable[[Wire], None]) -> Callable[[Wire], None]:
    """Script: read one request, act, close."""

    def script(wire: Wire) -> None:
        if wire.read_request() is not None:
            act(wire)

    return script
