"""Responses, and how they are sent."""

import re
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

import flask

Pairs = list[tuple[str, str]]
# An address in which nothing is left to encode (rfc3986 §2).
_URI = re.compile(r"[A-Za-z0-9\-._~:/?#@!$&'()*+,;=%]+")
_WITHOUT_BODY = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


class Response(flask.Response):
    """The application's class of responses, also made from the other values that a view may return."""

    # Sent unless the response already has headers with these names.
    added: Pairs = []  # noqa: RUF012 – never changed, but replaced for each response.

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Send this response (PEP 3333)."""
        headers = list(self.headers)
        names = {name for name, _ in headers}
        status = self.status
        body: Iterable[bytes] = self.iter_encoded()
        if not self._is_as_sent(environ["REQUEST_METHOD"], names):
            body, status, headers = self.get_wsgi_response(environ)
        elif "Content-Length" not in names:
            headers.append(("Content-Length", str(len(self.response[0]))))  # type: ignore[index]  # It is a list.
        headers += [pair for pair in self.added if pair[0] not in names]
        start_response(status, headers)
        return body

    def _is_as_sent(self, method: str, names: set[str]) -> bool:
        """Return whether Werkzeug has nothing left to fill in for this response.

        Werkzeug would do that for each response, copying and checking all headers.
        """
        return (
            type(self.response) is list
            and ("Content-Length" in names or [type(part) for part in self.response] == [bytes])
            and ("Location" not in names or _URI.fullmatch(self.headers["Location"]) is not None)
            and method != "HEAD"
            and self.status_code not in _WITHOUT_BODY
        )
