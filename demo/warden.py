"""The warden: a small process that outlives its supervisor just long enough to stop its programs.

Its standard input is a pipe from the supervisor: `+123` adds a process group to stop, `-123` removes it. The
pipe closes however the supervisor ends, even by kill -9; then every group still on the list is stopped. It is
run as a file and needs only the standard library, so that it starts quickly.
"""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterable

# Long enough for a worker to finish its current attempt; whatever remains is killed.
PATIENCE_SECONDS = 4.0
_POLL_SECONDS = 0.05


def main() -> None:
    """Keep the list until the pipe closes, then stop what is on it."""
    # Ctrl-C is for the supervisor; the warden exits when its pipe closes and never before.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    stop(read_groups(sys.stdin))


def read_groups(lines: Iterable[str]) -> set[int]:
    """Read orders until there are no more, and return the groups that are left to stop."""
    groups: set[int] = set()
    for line in lines:
        group = int(line[1:])
        if line.startswith("+"):
            groups.add(group)
        else:
            groups.discard(group)
    return groups


def stop(groups: set[int]) -> None:
    """Ask every group to end, wait a while, and kill what is left."""
    for group in groups:
        send(group, signal.SIGTERM)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while groups and time.monotonic() < deadline:
        groups = {group for group in groups if send(group, 0)}
        time.sleep(_POLL_SECONDS)
    for group in groups:
        send(group, signal.SIGKILL)


def send(group: int, number: int) -> bool:
    """Send a signal to a process group; return False if none of its processes is left."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
        return True
    return False


if __name__ == "__main__":
    main()
