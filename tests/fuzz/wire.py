"""Targets on the wire: bodies and queries that reach the provider, and responses that reach it from apps."""

import socket
from contextlib import suppress
from functools import lru_cache
from threading import Thread
from urllib.parse import quote

from flask import current_app

from provider.infrastructure import current
from provider.infrastructure.outbound_http import OutboundFailure

_PATHS = (
    *("/token", "/par", "/introspect", "/revoke", "/device-authorization", "/session/end", "/register"),
    *("/authorize", "/userinfo", "/global-token-revocation", "/account/sign-out-everywhere", "/device"),
    *("/session/end/confirm", "/account/password", "/account"),
)
_FORM = "application/x-www-form-urlencoded"
_KINDS = (
    _FORM,
    "application/json",
    "multipart/form-data; boundary=x",
    "text/plain",
    f"{_FORM}; charset=utf-16",
)


def request_body(data: bytes) -> None:
    """The first byte chooses the endpoint, the second the kind; an odd one of those asks by GET."""
    if len(data) < 2:
        return
    path, kind, body = _PATHS[data[0] % len(_PATHS)], data[1], data[2:]
    http = current_app.test_client()
    if kind % 2:
        response = http.get(path, query_string=quote(body, safe="&=%+"))
    else:
        response = http.post(path, data=body, content_type=_KINDS[kind // 2 % len(_KINDS)])
    assert response.status_code < 500, (path, kind, response.status_code)


def request_headers(data: bytes) -> None:
    """Proofs and cookies: one header for each line, as WSGI hands them over."""
    lines = [line.decode("latin-1") for line in data.split(b"\n")]
    names = (
        "Authorization",
        "DPoP",
        "Cookie",
        "X-Forwarded-For",
        "Content-Type",
        "Accept-Language",
        "Origin",
    )
    headers = [(name, line.replace("\r", " ")) for name, line in zip(names, lines, strict=False) if line]
    for path in ("/userinfo", "/token", "/session/end"):
        response = current_app.test_client(use_cookies=False).post(path, headers=headers, data="a=b")
        assert response.status_code < 500, (path, response.status_code)


def response_of_app(data: bytes) -> None:
    """Read an app's response to a Logout Token: to the letter, or as a failure of the attempt."""
    _server().response = data
    with suppress(OutboundFailure):
        read = current.services().outbound.post_form(_server().url, {"logout_token": "x"})
        assert 200 <= read.status <= 999


class _App:
    """Answers each connection with the bytes of the moment, and closes it."""

    def __init__(self) -> None:
        self.response = b""
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}/"
        Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            with suppress(OSError):
                connection, _ = self._listening.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(self.response)


@lru_cache(maxsize=1)
def _server() -> _App:
    return _App()
