"""The watchdog ends what is late, touches nothing that was released, and does not grow."""

import socket
import subprocess
import sys
import time

import pytest

from provider.infrastructure.outbound.watchdog import SPARE, Watchdog

LATER = 1000.0


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.settimeout(10)
        yield ours, theirs


def is_ended(theirs: socket.socket) -> bool:
    """Wait for the end of the connection; no end is a TimeoutError."""
    return theirs.recv(1) == b""


def test_a_late_connection_is_ended(pair):
    ours, theirs = pair
    Watchdog().watch(ours, time.monotonic())

    assert is_ended(theirs)


def test_an_early_instant_does_not_wait_for_a_later_one(pair):
    ours, theirs = pair
    with socket.socket() as other:
        watchdog = Watchdog()
        watchdog.watch(other, time.monotonic() + LATER)
        watchdog.watch(ours, time.monotonic())

        assert is_ended(theirs)


def test_a_connection_that_was_released_is_left_alone(pair):
    ours, theirs = pair
    watchdog, now = Watchdog(), time.monotonic()
    with socket.socket() as closed:
        ours_at_rest, other_theirs = socket.socketpair()
    with ours_at_rest, other_theirs:
        watchdog.release(watchdog.watch(ours_at_rest, now))
        # One that is closed already ends nothing else.
        watchdog.watch(closed, now)
        watchdog.watch(ours, now)

        # All three were due, and this one last.
        assert is_ended(theirs)
        ours_at_rest.sendall(b"!")
        assert other_theirs.recv(1) == b"!"


@pytest.mark.parametrize("open_ones", [0, 1, 50])
def test_what_was_released_does_not_pile_up(open_ones):
    watchdog, instant = Watchdog(), time.monotonic() + LATER
    with socket.socket() as sock:
        for _ in range(open_ones):
            watchdog.watch(sock, instant)
        for number in range(5000):
            watchdog.release(watchdog.watch(sock, instant + number))

        assert len(watchdog._instants) <= 2 * open_ones + SPARE


def test_a_forked_process_watches_by_itself():
    """The thread of the process before is not there, and its connections are none of ours."""
    story = """
import os, socket, sys, time
from provider.infrastructure.outbound.watchdog import WATCHDOG
others, (ours, theirs) = socket.socket(), socket.socketpair()
WATCHDOG.watch(others, time.monotonic() + 1000)
child = os.fork()
if child:
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
WATCHDOG.watch(ours, time.monotonic())
theirs.settimeout(10)
os._exit(0 if theirs.recv(1) == b"" else 1)
"""
    # Newer Pythons warn of a fork beside threads; it is what process pools do.
    subprocess.run([sys.executable, "-W", "ignore", "-c", story], check=True, timeout=30)
