"""A wire that can be made bad: slow, thin, cut, swallowed, torn into pieces (what toxiproxy does).

Also counts and holds the messages of a PostgreSQL client, so that a process can be killed between
any two of its statements.
"""

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.support.waiting import PATIENCE


@dataclass
class Toxics:
    """The faults of the wire; all at once if you like."""

    refuse: bool = False
    # Bytes are taken and kept until the wire is good again, as in a partition.
    hole: bool = False
    latency: float = 0.0
    bytes_per_second: float = 0.0
    slice_bytes: int = 0
    # Each connection is closed after so many bytes to the client.
    limit_bytes: int = 0
    # What the target answers is thrown away, and the connection with it.
    mute: bool = False
    # The end of a connection is passed on late.
    slow_close: float = 0.0


class Wire:
    """A TCP proxy in front of one target; new connections are taken at `port`."""

    def __init__(self, target: tuple[str, int], *, port: int = 0, host: str = "127.0.0.1") -> None:
        self.target = target
        self.toxics = Toxics()
        self._changed = threading.Condition()
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._listener = socket.create_server((host, port), backlog=256)
        self.port: int = self._listener.getsockname()[1]
        self._closed = False
        # Called with each message of a PostgreSQL client before it is passed on; False cuts the wire.
        self.gate: Callable[[bytes], bool] | None = None
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    def poison(self, **toxics: object) -> None:
        with self._changed:
            self.toxics = Toxics(**toxics)
            self._changed.notify_all()

    def heal(self) -> None:
        self.gate = None
        self.poison()

    def cut(self, *, reset: bool = False) -> None:
        """End every connection there is, politely or with a reset."""
        for pair in list(self._pairs):
            for side in pair:
                with contextlib.suppress(OSError):
                    if reset:
                        side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    side.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._closed = True
        self.heal()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for thread in list(self._threads):
            thread.join(PATIENCE)

    def _start(self, act: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=act, args=args, daemon=True)
        self._threads = [known for known in self._threads if known.is_alive()] + [thread]
        thread.start()

    def _accept(self) -> None:
        while not self._closed:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self.toxics.refuse:
                client.close()
                continue
            self._start(self._join, client)

    def _join(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(self.target, timeout=PATIENCE)
        except OSError:
            client.close()
            return
        server.settimeout(None)
        for side in (client, server):
            side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        pair = (client, server)
        self._pairs.add(pair)
        back = threading.Thread(target=self._pump, args=(server, client, None), daemon=True)
        back.start()
        self._pump(client, server, Messages())
        back.join()
        self._pairs.discard(pair)
        client.close()
        server.close()

    def _pump(self, source: socket.socket, sink: socket.socket, messages: "Messages | None") -> None:
        passed = 0
        try:
            while chunk := source.recv(65536):
                if messages is not None and not messages.all_pass(chunk, self.gate):
                    break
                if messages is None and self.toxics.mute:
                    break
                if not self._pass_on(chunk, sink):
                    break
                passed += len(chunk)
                if messages is None and 0 < self.toxics.limit_bytes <= passed:
                    break
        except OSError:
            pass
        if self.toxics.slow_close:
            time.sleep(self.toxics.slow_close)
        for side in (source, sink):
            with contextlib.suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)

    def _pass_on(self, chunk: bytes, sink: socket.socket) -> bool:
        toxics = self.toxics
        if toxics.latency:
            time.sleep(toxics.latency)
        with self._changed:
            self._changed.wait_for(lambda: not self.toxics.hole or self._closed)
        size = toxics.slice_bytes or len(chunk)
        for start in range(0, len(chunk), size):
            piece = chunk[start : start + size]
            sink.sendall(piece)
            if toxics.bytes_per_second:
                time.sleep(len(piece) / toxics.bytes_per_second)
            elif toxics.slice_bytes:
                time.sleep(0.001)
        return not self._closed


class Messages:
    """Reads the frames of a PostgreSQL client; anything else never has a gate."""

    def __init__(self) -> None:
        self._buffer = b""
        self._greeted = False

    def all_pass(self, chunk: bytes, gate: Callable[[bytes], bool] | None) -> bool:
        """Ask the gate about every frame that is complete with this chunk."""
        self._buffer += chunk
        allowed = True
        while (frame := self._next()) is not None:
            if gate is not None and frame[:1] in b"QS" and self._greeted:
                allowed = gate(frame) and allowed
        if len(self._buffer) > 1 << 20:
            # Not the protocol of PostgreSQL: no test asks about it.
            self._buffer = b""
        return allowed

    def _next(self) -> bytes | None:
        header = 5 if self._greeted else 4
        if len(self._buffer) < header:
            return None
        length = int.from_bytes(self._buffer[header - 4 : header], "big") + header - 4
        if len(self._buffer) < length:
            return None
        frame, self._buffer = self._buffer[:length], self._buffer[length:]
        if not self._greeted:
            self._greeted = True
            return b"\0" + frame
        return frame
