"""The ports of the demo: the usual ones, or others when those are taken."""

import errno
import socket

# Both may be "localhost" to a browser; a port is free only if no process listens on either.
_LOOPBACKS = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))
_HIGHEST = 65535


def choose_ports(first: int, count: int) -> list[int]:
    """Return free ports: `count` from `first` on, each busy one replaced by the next free port above."""
    chosen: list[int] = []
    spare = first + count
    for wanted in range(first, first + count):
        port = wanted
        while not is_free(port):
            port, spare = spare, spare + 1
            if port > _HIGHEST:
                raise OSError(errno.EADDRINUSE, f"no free port above {first}")
        chosen.append(port)
    return chosen


def is_free(port: int) -> bool:
    """Return whether no process listens on this port at either loopback address."""
    return all(_can_bind(family, address, port) for family, address in _LOOPBACKS)


def _can_bind(family: socket.AddressFamily, address: str, port: int) -> bool:
    try:
        probe = socket.socket(family)
    except OSError:
        return True  # The machine has no such address family, so no process listens there.
    with probe:
        # A connection from the last run that lingers in TIME_WAIT must not make a port busy.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as exc:
            return exc.errno == errno.EADDRNOTAVAIL
    return True
