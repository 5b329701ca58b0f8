"""A locked file for each running process: the kernel drops the lock when the process ends, however it ends.

So processes that share a folder find out at once which of them were killed. A frozen process keeps its
lock, and so does one that is cut off from the database. Only the locks of the same kernel are tried: some
network file systems do not show those of other hosts (`local_lock` in nfs(5)), whose processes would seem to
have ended.
"""

import contextlib
import fcntl
import os
import socket
from collections.abc import Callable
from pathlib import Path

from provider.infrastructure import event_log

_SUFFIX = ".alive"
# All containers of a host have the same boot id.
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def this_kernel() -> str:
    """Return a name for the running kernel, or for the host where the kernel gives itself none."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return socket.gethostname()


class ProcessLock:
    """The file of this process, which holds its name; on a file system without locks there is none."""

    def __init__(self, folder: Path, name: str, *, kernel: str | None = None) -> None:
        self._folder = folder
        self._name = name
        self._suffix = f".{kernel or this_kernel()}{_SUFFIX}"
        self._descriptor: int | None = None

    def hold(self) -> None:
        """Make the file and lock it until the process ends."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._descriptor = self._make_locked()
        except OSError as exc:
            event_log.warning("process_lock_not_made", path=self._path, kind=type(exc).__name__)

    def release(self) -> None:
        """Remove the file, because the process ends normally."""
        if self._descriptor is not None:
            self._path.unlink(missing_ok=True)
            os.close(self._descriptor)
            self._descriptor = None

    def act_for_ended(self, act: Callable[[str], None]) -> None:
        """Call `act` once with the name of each process of this kernel that ended without releasing its lock.

        If `act` raises for a process, its file is kept for the next time.
        """
        for path in sorted(self._folder.glob(f"*{self._suffix}")):
            if path != self._path and (descriptor := _lock_of_ended(path)) is not None:
                try:
                    act(os.read(descriptor, 1000).decode(errors="replace"))
                    path.unlink(missing_ok=True)
                finally:
                    os.close(descriptor)

    def _make_locked(self) -> int:
        """Return the descriptor of the file, which others see only once it is locked."""
        unlocked = self._path.with_suffix(".new")
        descriptor = os.open(unlocked, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.write(descriptor, self._name.encode())
            unlocked.rename(self._path)
        except OSError:
            os.close(descriptor)
            unlocked.unlink(missing_ok=True)
            raise
        return descriptor

    @property
    def _path(self) -> Path:
        return self._folder / f"{self._name.replace('/', '_')}{self._suffix}"


def _lock_of_ended(path: Path) -> int | None:
    """Return a descriptor with the lock of a process that has ended, or None while it runs."""
    descriptor = None
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDWR)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return descriptor
    if descriptor is not None:
        os.close(descriptor)
    return None
