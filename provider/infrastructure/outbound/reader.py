"""Lines and bytes out of a connection, buffered; the headers of a response have a budget."""

from collections.abc import Iterator

from provider.infrastructure.outbound.policy import OutboundFailure
from provider.infrastructure.outbound.wire import Wire

MAX_LINE = 65536
PIECE = 8192


class Reader:
    """A buffer of what has arrived and is not used yet."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._buffer = bytearray()
        # How many more bytes may come while headers are read; None once they are complete.
        self._header_budget: int | None = None

    def begin_head(self, budget: int) -> None:
        """From now on at most so many bytes may come, and no end of the connection."""
        self._header_budget = budget

    def end_head(self) -> None:
        """Take what follows for a body."""
        self._header_budget = None

    @property
    def has_surplus(self) -> bool:
        """Whether more came than was used."""
        return bool(self._buffer)

    def line(self) -> bytes:
        """Return the next line with its end, or what there is where the connection ends before the line."""
        start = 0
        while (end := self._buffer.find(b"\n", start)) < 0 and len(self._buffer) < MAX_LINE:
            start = len(self._buffer)
            if not self._fetch(PIECE):
                break
        return self._use(end + 1 or len(self._buffer))

    def pieces(self, length: int) -> Iterator[bytes]:
        """Yield so many bytes as they come. Raises ConnectionResetError where the connection ends before."""
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
        """Buffer what comes next; says whether there was anything."""
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
