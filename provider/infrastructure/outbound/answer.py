"""Answers read to the letter: http.client guesses where HTTP is broken, and a wrong guess would move every
later answer on the same connection to the next request."""

import http.client
import re

# What http.client allows itself; the cap on all headers together is usually less.
MAX_LINE = 65536
STATUS_LINE = re.compile(rb"(HTTP/1\.[0-9]) ([1-9][0-9]{2})(?: ([^\r\n]*))?\r?\n")
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
