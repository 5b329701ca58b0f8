"""The apps' logout endpoints: note when each Logout Token comes, and accept it."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Receivers:
    """All apps at one address; counts what comes."""

    def __init__(self) -> None:
        self._seen: dict[str, float] = {}
        self._changed = threading.Condition()
        self.address = ""

    def forget(self) -> None:
        """Forget the notifications so far."""
        with self._changed:
            self._seen.clear()

    def note(self, path: str) -> None:
        """Note that an app was notified."""
        with self._changed:
            self._seen.setdefault(path, time.monotonic())
            self._changed.notify_all()

    def wait_for(self, count: int, seconds: float) -> float | None:
        """Wait until `count` apps were notified; returns the time of the last one, or None if too few."""
        with self._changed:
            if self._changed.wait_for(lambda: len(self._seen) >= count, seconds):
                return max(self._seen.values())
            print(f"    only {len(self._seen)} of {count} apps were notified in {seconds} s", flush=True)
            return None


class _Server(ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = True


@contextmanager
def receivers() -> Iterator[Receivers]:
    """Serve the endpoints."""
    seen = Receivers()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            """Accept a Logout Token (OpenID Connect Back-Channel Logout 1.0, section 2.8)."""
            self.rfile.read(int(self.headers["Content-Length"]))
            seen.note(self.path)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    server = _Server(("127.0.0.1", 0), Handler)
    seen.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        server.shutdown()
        server.server_close()
