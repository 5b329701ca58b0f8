"""The pipe by which web processes wake the worker of their process tree."""

import socket
import threading

import pytest

from provider.infrastructure import wake_pipe
from provider.infrastructure.task_queue import WakeUps
from provider.infrastructure.wake_pipe import Waker
from tests.support.waiting import PATIENCE, wait_until

# More than any system's pipe holds.
MANY = 200_000


@pytest.fixture
def pipe():
    reader, writer = wake_pipe.make()
    yield reader, writer
    reader.close()
    writer.close()


def test_a_worker_is_woken_until_all_writers_are_gone(pipe):
    reader, writer = pipe
    woken = []
    listener = threading.Thread(target=wake_pipe.listen, args=(reader.fileno(), lambda: woken.append(1)))
    listener.start()

    assert Waker(writer).wake()
    wait_until(lambda: woken)
    writer.close()
    listener.join(PATIENCE)

    assert not listener.is_alive()


def test_a_worker_that_does_not_read_holds_up_no_request(pipe):
    reader, writer = pipe
    waker = Waker(writer)

    assert all(waker.wake() for _ in range(MANY))

    # It then looks a few times, not once for each.
    woken = []
    writer.close()
    wake_pipe.listen(reader.fileno(), lambda: woken.append(1))
    assert 0 < len(woken) < 100


def test_without_a_reader_no_one_is_woken(pipe):
    reader, writer = pipe
    reader.close()

    assert not Waker(writer).wake()


def test_it_wakes_while_the_broker_is_away(pipe):
    reader, writer = pipe
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    assert WakeUps(f"redis://127.0.0.1:{port}/0", Waker(writer)).send("a logout")

    assert reader.poll()
