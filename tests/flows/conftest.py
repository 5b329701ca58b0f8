"""One running demo for all stories of a test process."""

import signal
import socket
from collections.abc import Iterator

import pytest

from tests.support.demo import PORTS, RunningDemo, free_run


@pytest.fixture(scope="package")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDemo]:
    """It has found the first of its ports taken, and so did not take the run that begins there."""
    with socket.socket() as neighbour:
        taken = free_run(PORTS)
        # Connections of an earlier demo may linger on the port.
        neighbour.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        neighbour.bind(("127.0.0.1", taken))
        neighbour.listen()
        running = RunningDemo(tmp_path_factory.mktemp("demo"), taken)
        yield running
        # It cannot see this one coming, and leaves no process either.
        running.stop_all(signal.SIGKILL)
