"""One kept connection that speaks HTTP/1.1 on a plain socket.

`http.client` takes half a millisecond for a request and its response, as long as some measured operations.
"""

import socket
from dataclasses import dataclass
from http import HTTPStatus

_WITHOUT_BODY = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})
_READ_AT_ONCE = 65536


@dataclass(frozen=True, slots=True)
class Received:
    """A response: its status, its headers with names in lower case, and all of its body."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def get(self, name: str) -> str | None:
        """Return the first header of this name, or None."""
        return next((value for known, value in self.headers if known == name), None)


class Connection:
    """A connection to one server. Raises ConnectionError once the server has closed it."""

    def __init__(self, host: str, port: int, seconds: float) -> None:
        self._socket = socket.create_connection((host, port), seconds)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._host = f"{host}:{port}"
        self._read = b""

    def ask(self, method: str, target: str, headers: dict[str, str], body: str | None = None) -> Received:
        """Send a request and read its response to the end."""
        sent = b"" if body is None else body.encode()
        lines = [f"{method} {target} HTTP/1.1", f"Host: {self._host}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if body is not None:
            lines.append(f"Content-Length: {len(sent)}")
        self._socket.sendall("\r\n".join([*lines, "\r\n"]).encode("latin-1") + sent)
        status, received = self._read_head()
        return Received(status, received, self._read_body(method, status, dict(received)))

    def close(self) -> None:
        """Close it."""
        self._socket.close()

    def _read_head(self) -> tuple[int, tuple[tuple[str, str], ...]]:
        first, *lines = self._read_until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        pairs = [line.partition(":") for line in lines]
        return int(first.split(" ", 2)[1]), tuple((name.lower(), value.strip()) for name, _, value in pairs)

    def _read_body(self, method: str, status: int, headers: dict[str, str]) -> bytes:
        if method == "HEAD" or status in _WITHOUT_BODY:
            return b""
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return self._read_chunks()
        return self._read_bytes(int(headers["content-length"]))

    def _read_chunks(self) -> bytes:
        chunks = []
        while size := int(self._read_until(b"\r\n").partition(b";")[0], 16):
            chunks.append(self._read_bytes(size))
            self._read_until(b"\r\n")
        # Trailers, which are rare.
        while self._read_until(b"\r\n"):
            pass
        return b"".join(chunks)

    def _read_until(self, end: bytes) -> bytes:
        """Return everything before the next `end`, and consume both."""
        while end not in self._read:
            self._receive()
        before, _, self._read = self._read.partition(end)
        return before

    def _read_bytes(self, count: int) -> bytes:
        while len(self._read) < count:
            self._receive()
        taken, self._read = self._read[:count], self._read[count:]
        return taken

    def _receive(self) -> None:
        more = self._socket.recv(_READ_AT_ONCE)
        if not more:
            raise ConnectionResetError("the server has closed the connection")
        self._read += more
