"""Answers read to the letter: http.client guesses where HTTP is broken, and a wrong guess would move every
later answer on the same connection to the next request."""

import http.client
import re
from http import HTTPStatus

from provider.infrastructure.outbound.sockets import TimedSocket

# What http.client allows itself; the cap on all headers together is usually less.
MAX_LINE = 65536
STATUS_LINE = re.compile(rb"(HTTP/1\.[0-9]) ([1-9][0-9]{2})(?: ([^\r\n]*))?\r?\n")
# rfc9112 §7.1; int() would take signs, blanks, "0x" and "_", and read() takes -1 for "everything".
CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\r\n]*)?\r?\n")
# rfc9112 §5; blanks around the value are taken off later, for an expression with both would be slow on many.
FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):([^\r\n\0]*)\r?\n")
LENGTH = re.compile(r"[0-9]{1,18}")
MAX_FIELDS = 100
WITHOUT_BODY = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)
# rfc9110 §15.2.2: only after a request with "Upgrade", which we never send.
SWITCHING_PROTOCOLS = 101


class Answer(http.client.HTTPResponse):
    """One final answer; its private methods stand for those by which http.client reads."""

    # Whether the reader took more from the connection than belongs to this answer.
    has_surplus = False

    def __init__(
        self, sock: TimedSocket, debuglevel: int = 0, method: str | None = None, url: str | None = None
    ) -> None:
        super().__init__(sock, debuglevel, method, url)
        self._wire = sock

    def begin(self) -> None:
        """Read the head of the final answer."""
        version, status, reason = self._read_status()
        fields, is_well_formed = self._read_fields()
        # rfc9110 §15.2: a client must be able to parse one or more 1xx answers before the final one, expected
        # or not. Taken for the final one, it would leave that to answer our next request.
        while status < HTTPStatus.OK:
            version, status, reason = self._read_status()
            fields, is_well_formed = self._read_fields()
        self.status, self.reason, self.version = status, reason, 10 if version == b"HTTP/1.0" else 11
        self.headers = self.msg = http.client.HTTPMessage()
        for name, value in fields:
            self.headers.set_raw(name, value)
        self._frame(fields, is_well_formed)

    def _read_status(self) -> tuple[bytes, int, str]:
        line = self.fp.readline(MAX_LINE)
        found = STATUS_LINE.fullmatch(line)
        if found is None:
            raise http.client.BadStatusLine(repr(line[:100]))
        status = int(found[2])
        if status == SWITCHING_PROTOCOLS:
            raise http.client.HTTPException("the server switched to a protocol that was not requested")
        return found[1], status, (found[3] or b"").decode("iso-8859-1")

    def _read_fields(self) -> tuple[list[tuple[str, str]], bool]:
        """Read the header fields; what is not one is left out, and said to be there."""
        fields: list[tuple[str, str]] = []
        is_well_formed, count = True, 0
        while (line := self.fp.readline(MAX_LINE)) not in (b"\r\n", b"\n"):
            if not line.endswith(b"\n"):
                raise http.client.HTTPException("a header line that does not end")
            count += 1
            if count > MAX_FIELDS:
                raise http.client.HTTPException(f"more than {MAX_FIELDS} headers")
            found = FIELD.fullmatch(line)
            if found is None:
                is_well_formed = False
            else:
                fields.append((found[1].decode("ascii"), found[2].decode("iso-8859-1").strip(" \t")))
        return fields, is_well_formed

    def _frame(self, fields: list[tuple[str, str]], is_well_formed: bool) -> None:
        """Decide where the body ends, and close the connection after it if others might decide otherwise."""
        lengths, codings, wishes = [], [], ""
        for name, value in fields:
            match name.lower():
                case "content-length":
                    lengths.append(value)
                case "transfer-encoding":
                    codings.append(value.lower())
                case "connection":
                    wishes += value.lower()
        has_body = self.status not in WITHOUT_BODY
        self.chunked, self.chunk_left = has_body and codings[:1] == ["chunked"], None
        self.length = int(lengths[0]) if lengths and LENGTH.fullmatch(lengths[0]) else None
        if not has_body:
            self.length = 0
        elif self.chunked:
            self.length = None
        if has_body:
            # rfc9112 §6.3: one length, or one coding that ends by itself, and not both.
            is_certain = len(lengths) + len(codings) == 1 and (self.chunked or self.length is not None)
        else:
            # A length of 0 is forbidden with 204, and often there; all read it in the same way.
            is_certain = not codings and lengths in ([], ["0"])
        stays = "close" not in wishes if self.version == 11 else "keep-alive" in wishes
        self.will_close = not (stays and is_certain and is_well_formed)

    def _close_conn(self) -> None:
        """Let go of the reader, which forgets what it holds."""
        self._wire.is_over = True
        try:
            self.has_surplus = bool(self.fp.peek(1))
        except (OSError, ValueError):
            # After a failure it does not answer any more.
            self.has_surplus = True
        super()._close_conn()  # type: ignore[misc]

    def _get_chunk_left(self) -> int | None:
        """Return what is left of the present chunk, or of the next; None after the last."""
        if self.chunk_left == 0:
            if self.fp.read(2) != b"\r\n":
                raise http.client.HTTPException("a chunk does not end where it should")
            self.chunk_left = None
        left: int | None = super()._get_chunk_left()  # type: ignore[misc]
        return left

    def _read_next_chunk_size(self) -> int:
        line = self.fp.readline(MAX_LINE)
        found = CHUNK_SIZE.fullmatch(line)
        if found is None:
            # A line that is cut off may be the beginning of a longer number: "00" of "0005" ends no body.
            raise http.client.HTTPException(f"not the size of a chunk: {line[:100]!r}")
        return int(found[1], 16)

    def _read_and_discard_trailer(self) -> None:
        self._read_fields()
