"""Reading a request's body with a size limit, a total deadline and a minimum rate."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]

# The minimum rate of a sender once half of the deadline has passed; no line in use is slower than this.
LEAST_BYTES_PER_SECOND = 1024
# How much of a refused body is read and discarded, so that the sender receives the response.
_MOST_DRAINED = 1024 * 1024
# Without a length or a coding HTTP/1 has no body; HTTP/2 may have one, but not with these (rfc9110 §9.3).
_METHODS_WITHOUT_BODY = frozenset({"GET", "HEAD", "DELETE", "OPTIONS", "TRACE", "CONNECT"})


class SenderGone(Exception):
    """The connection ended before the body did."""


class BodyTooSlow(Exception):
    """The body did not arrive in time."""


class BodyTooLarge(Exception):
    """The body is longer than the limit."""

    def __init__(self, length: int) -> None:
        super().__init__(f"a body of {length} bytes or more")
        self.length = length


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyLimits:
    """Limits of reading a body: its size and its time."""

    most_bytes: int
    deadline: float

    def seconds_for(self, received: int) -> float:
        """Return until how many seconds after its start a body may arrive, given the bytes received."""
        return min(self.deadline, self.deadline / 2 + received / LEAST_BYTES_PER_SECOND)


def has_body(method: str, http_version: str, headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Return whether a request has a body (rfc9112 §6.3, rfc9113 §8.1)."""
    names = {name: value for name, value in headers if name in (b"content-length", b"transfer-encoding")}
    if names:
        return names != {b"content-length": b"0"}
    return http_version == "2" and method not in _METHODS_WITHOUT_BODY


async def read_body(receive: Receive, limits: BodyLimits, announced: int | None) -> bytes:
    """Return a body as a whole. Raises BodyTooLarge, BodyTooSlow or SenderGone."""
    if announced is not None and announced > limits.most_bytes:
        raise BodyTooLarge(announced)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    chunks: list[bytes] = []
    received = 0
    while True:
        message = await _next(receive, begun + limits.seconds_for(received))
        chunk = message.get("body", b"")
        received += len(chunk)
        if received > limits.most_bytes:
            raise BodyTooLarge(received)
        chunks.append(chunk)
        # rfc9112 §6.2: it ends with its last announced byte. Receiving the end marker would be another wait
        # for the network.
        if received == announced or not message.get("more_body"):
            return b"".join(chunks)


async def drain(receive: Receive, limits: BodyLimits) -> None:
    """Read the rest of a refused body as it arrives: resetting the connection would lose the response."""
    until = asyncio.get_running_loop().time() + limits.deadline
    left = _MOST_DRAINED
    try:
        while left > 0:
            message = await _next(receive, until)
            left -= len(message.get("body", b""))
            if not message.get("more_body"):
                return
    except (SenderGone, BodyTooSlow):
        return


async def _next(receive: Receive, until: float) -> Message:
    try:
        async with asyncio.timeout_at(until):
            message = await receive()
    except TimeoutError as exc:
        raise BodyTooSlow from exc
    if message["type"] != "http.request":
        raise SenderGone
    return message
