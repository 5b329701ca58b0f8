"""Buffered reading of lines and bytes from a connection; the headers of a response have a size budget."""

from collections.abc import Iterator

from provider.infrastructure.outbound.policy import OutboundFailure
from provider.infrastructure.outbound.wire import Wire

MAX_LINE = 65536
PIECE = 8192


class Reader:
    """A buffer of received bytes that have not been consumed yet."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._buffer = bytearray()
        # How many more bytes may come while headers are read; None once they are complete.
        self._header_budget: int | None = None

    def begin_head(self, budget: int) -> None:
        """Start reading a head: at most `budget` bytes, during which the connection must not end."""
        self._header_budget = budget

    def end_head(self) -> None:
        """End the head; the bytes that follow are the body."""
        self._header_budget = None

    @property
    def has_surplus(self) -> bool:
        """Whether received bytes are left over."""
        return bool(self._buffer)

    def line(self) -> bytes:
        """Return the next line with its end, or the rest if the connection ends within the line."""
        start = 0
        while (end := self._buffer.find(b"\n", start)) < 0 and len(self._buffer) < MAX_LINE:
            start = len(self._buffer)
            if not self._fetch(PIECE):
                break
        return self._use(end + 1 or len(self._buffer))

    def pieces(self, length: int) -> Iterator[bytes]:
        """Yield `length` bytes as they arrive. Raises ConnectionResetError if the connection ends before."""
        while length:
            piece = self._some(length)
            if not piece:
                raise ConnectionResetError(f"{length} bytes of the body are missing")
            length -= len(piece)
            yield piece

    def rest(self) -> Iterator[bytes]:
        """Yield what comes until the connection ends."""
        while piece := self._some(PIECE):
            yield piece

    def _some(self, most: int) -> bytes:
        if not self._buffer:
            return self._wire.receive(min(most, PIECE))
        return self._use(min(most, len(self._buffer)))

    def _use(self, count: int) -> bytes:
        used = bytes(self._buffer[:count])
        del self._buffer[:count]
        return used

    def _fetch(self, most: int) -> bool:
        """Buffer the next bytes; returns False at the end of the connection."""
        budget = self._header_budget
        if budget is None:
            data = self._wire.receive(most)
        elif budget <= 0:
            raise OutboundFailure("too_large", "the headers exceed their limit")
        else:
            data = self._wire.receive(min(most, budget))
            self._header_budget = budget - len(data)
            if not data:
                # "HTTP/1.1 200" is the beginning of a line that might have ended otherwise.
                raise ConnectionResetError("the connection ended before the headers did")
        self._buffer += data
        return bool(data)
