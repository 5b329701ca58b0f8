"""Machines that take connections and never answer."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class HangingHosts:
    """Every address in 127.0.0.0/8, at one port."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("0.0.0.0", 0))
        self.port: int = self._listener.getsockname()[1]
        self._connections: list[socket.socket] = []
        self._guard = threading.Lock()
        self._is_over = False
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def url(self, host: int, path: str = "/") -> str:
        """Return an address at the host of this number; not even the handshake of TLS is answered there."""
        return f"https://127.0.0.{host}:{self.port}{path}"

    @property
    def held(self) -> int:
        """Return the number of connections that the callers still hold open."""
        with self._guard:
            return sum(map(_is_open, self._connections))

    def release(self) -> None:
        """Cut all connections off: every waiting caller has an outcome now."""
        with self._guard:
            self._is_over = True
            for connection in self._connections:
                connection.close()
        # The accepting thread waits for one more.
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port)).close()
        self._thread.join()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            with self._guard:
                if self._is_over:
                    connection.close()
                    return
                self._connections.append(connection)


def _is_open(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        # What was sent stands before the end.
        while connection.recv(65536):
            pass
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


@contextmanager
def hanging_hosts() -> Iterator[HangingHosts]:
    hosts = HangingHosts()
    try:
        yield hosts
    finally:
        hosts.release()
