"""Answers read to the letter: http.client guesses where HTTP is broken, and a wrong guess would move every
later answer on the same connection to the next request."""

import http.client
import re

# What http.client allows itself; the cap on all headers together is usually less.
MAX_LINE = 65536
STATUS_LINE = re.compile(rb"(HTTP/1\.[0-9]) ([1-9][0-9]{2})(?: ([^\r\n]*))?\r?\n")
# rfc9112 §7.1; int() would take signs, blanks, "0x" and "_", and read() takes -1 for "everything".
CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\r\n]*)?\r?\n")
# rfc9110 §15.2.2: only after a request with "Upgrade", which we never send.
SWITCHING_PROTOCOLS = 101


class Answer(http.client.HTTPResponse):
    """One final answer; its private methods are those by which http.client reads."""

    def _read_status(self) -> tuple[str, int, str]:
        """Read a status line; http.client reads on past 100, so every interim answer is given as that one."""
        line = self.fp.readline(MAX_LINE)
        found = STATUS_LINE.fullmatch(line)
        if found is None:
            raise http.client.BadStatusLine(repr(line[:100]))
        version, status, reason = found[1].decode(), int(found[2]), (found[3] or b"").decode("iso-8859-1")
        if status == SWITCHING_PROTOCOLS:
            raise http.client.HTTPException("the server changes to a protocol that nobody asked for")
        # rfc9110 §15.2: a client must be able to parse one or more 1xx answers before the final one, expected
        # or not. Taken for the final one, it would leave that to answer our next request.
        return (version, http.client.CONTINUE, "") if status < http.client.OK else (version, status, reason)

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
