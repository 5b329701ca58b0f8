"""Locks between the processes of the app; the system releases each when its process ends."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from relying_party_demo.native.private_file import make_private_folder

_DEADLINE_SECONDS = 45.0
_POLL_SECONDS = 0.02


class SignOutInProgress(Exception):
    """A sign-out is already running; a second one is not started."""


class Busy(Exception):
    """Another process of the app has not finished in time."""


@contextmanager
def signing_out(data_dir: Path) -> Iterator[None]:
    """Hold the lock for a sign-out. Raises SignOutInProgress at once if another one runs."""
    with _open(data_dir, "sign-out") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            raise SignOutInProgress("a sign-out is already in progress") from exc
        yield


def is_signing_out(data_dir: Path) -> bool:
    """Return whether a sign-out is in progress."""
    try:
        with signing_out(data_dir):
            return False
    except SignOutInProgress:
        return True


@contextmanager
def refreshing(data_dir: Path) -> Iterator[None]:
    """Hold the lock for a refresh, because a refresh token is used only once. Raises Busy."""
    with _waiting(data_dir, "refresh"):
        yield


@contextmanager
def changing(data_dir: Path) -> Iterator[None]:
    """Hold the lock for changes of stored data. It is held briefly, without any request. Raises Busy."""
    with _waiting(data_dir, "stored"):
        yield


@contextmanager
def _waiting(data_dir: Path, name: str) -> Iterator[None]:
    deadline = time.monotonic() + _DEADLINE_SECONDS
    with _open(data_dir, name) as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as exc:
                if time.monotonic() > deadline:
                    raise Busy("another command of the app is still running") from exc
                time.sleep(_POLL_SECONDS)
        yield


@contextmanager
def _open(data_dir: Path, name: str) -> Iterator[int]:
    make_private_folder(data_dir)
    with (data_dir / f"{name}.lock").open("w") as lock:
        yield lock.fileno()
