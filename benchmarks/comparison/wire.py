"""A proxy between a provider and its store that counts round trips: requests that the store has answered."""

import select
import socket
import threading
from contextlib import suppress

_PIECE = 1 << 16


class CountingWire:
    """Listens on its own port and forwards all data; used in a pass that is not timed."""

    def __init__(self, port: int) -> None:
        self._to = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self.count = 0
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        """The port to connect to."""
        return int(self._listener.getsockname()[1])

    def close(self) -> None:
        """Accept no further connections."""
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                threading.Thread(target=self._pass_on, args=(near,), daemon=True).start()

    def _pass_on(self, near: socket.socket) -> None:
        with near, socket.create_connection(self._to) as far, suppress(OSError):
            asked = False
            while True:
                for ready in select.select([near, far], [], [])[0]:
                    piece = ready.recv(_PIECE)
                    if not piece:
                        return
                    if ready is far and asked:
                        with self._lock:
                            self.count += 1
                    asked = ready is near
                    (far if ready is near else near).sendall(piece)
