"""Name resolution with a time limit: getaddrinfo itself knows none and cannot be interrupted."""

import socket
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import timedelta
from ipaddress import ip_address

from provider.infrastructure.outbound.policy import IPAddress, OutboundFailure

Resolve = Callable[[str, int], Sequence[IPAddress]]
# Lookups that hang keep their thread until the system gives up; this many may do so at once.
MAX_LOOKUPS = 32


class Deadline:
    """The instant by which every step of a call must have ended."""

    def __init__(self, span: timedelta) -> None:
        self.instant = time.monotonic() + span.total_seconds()

    def remaining(self) -> float:
        """Return the seconds left, or raise TimeoutError when there are none."""
        left = self.instant - time.monotonic()
        if left <= 0:
            raise TimeoutError("the deadline has passed")
        return left


def ask_system(host: str, port: int) -> list[IPAddress]:
    """Resolve a name as the operating system does, both families, in its order of preference."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ip_address(addresses[4][0]) for addresses in found))


class BoundedResolver:
    """Runs a resolver in daemon threads and waits for it no longer than the deadline allows."""

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve
        self._slots = threading.BoundedSemaphore(MAX_LOOKUPS)

    def addresses(self, host: str, port: int, deadline: Deadline) -> tuple[IPAddress, ...]:
        """Return the addresses of a name, or raise OutboundFailure of kind `dns`."""
        addresses: Future[Sequence[IPAddress]] = Future()
        try:
            if not self._slots.acquire(timeout=deadline.remaining()):
                raise TimeoutError("all lookup threads are busy")
            self._start(addresses, host, port)
            found = tuple(addresses.result(timeout=deadline.remaining()))
        except (OSError, UnicodeError) as exc:
            raise OutboundFailure("dns", f"{host}: {exc}") from exc
        if not found:
            raise OutboundFailure("dns", f"{host}: no address")
        return found

    def _start(self, addresses: "Future[Sequence[IPAddress]]", host: str, port: int) -> None:
        lookup = threading.Thread(target=self._look_up, args=(addresses, host, port), daemon=True)
        try:
            lookup.start()
        except RuntimeError as exc:
            # The system has no thread left; the slot must be released.
            self._slots.release()
            raise OutboundFailure("dns", f"{host}: no thread for the lookup") from exc

    def _look_up(self, addresses: "Future[Sequence[IPAddress]]", host: str, port: int) -> None:
        try:
            addresses.set_result(self._resolve(host, port))
        except BaseException as exc:  # noqa: BLE001 - nothing is swallowed: the waiting caller gets it raised.
            addresses.set_exception(exc)
        finally:
            self._slots.release()
