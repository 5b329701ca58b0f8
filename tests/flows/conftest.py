"""One running demo for all stories of a test process."""

import signal
from collections.abc import Iterator

import pytest

from tests.support.demo import RunningDemo


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDemo]:
    running = RunningDemo(tmp_path_factory.mktemp("demo"))
    yield running
    # A supervisor's stop leaves no process either.
    running.stop_all(signal.SIGTERM)
