"""Requests to the provider without proxies and redirects, with bounded responses and a deadline.

The timeouts of requests apply to each read, so a server that sends byte by byte would block a thread for
ever.
"""

import http.client
import io
import socket
import time
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection

from curfew_rp.errors import ProviderUnreachable

# To connect, and for each read.
TIMEOUT_SECONDS = (3.0, 5.0)
# For the whole response, including its headers.
DEADLINE_SECONDS = 10.0
_CHUNK = 16 * 1024
_CONNECTIONS = 32


def open_session(ca_bundle: str | None = None) -> requests.Session:
    """Return a session that ignores proxies in the environment and cookies; use it with `TIMEOUT_SECONDS`."""
    session = requests.Session()
    session.trust_env = False
    session.verify = ca_bundle or True
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    for scheme in ("http://", "https://"):
        session.mount(scheme, _DeadlineAdapter(pool_maxsize=_CONNECTIONS))
    return session


def bounded_body(response: requests.Response, limit: int) -> bytes:
    """Return the body of a streamed response; raises ProviderUnreachable beyond `limit` bytes."""
    body = bytearray()
    for chunk in response.iter_content(_CHUNK):
        body += chunk
        if len(body) > limit:
            raise ProviderUnreachable("the provider's response is too large")
    return bytes(body)


class _UntilDeadline(io.RawIOBase):
    """Reads from a socket, at most until the deadline of the response."""

    def __init__(self, raw: Any, sock: socket.socket) -> None:
        self._raw = raw
        self._sock = sock
        self._ends_at = time.monotonic() + DEADLINE_SECONDS
        self._each_read = sock.gettimeout() or DEADLINE_SECONDS

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Read what has arrived; raises TimeoutError."""
        left = self._ends_at - time.monotonic()
        if left <= 0:
            raise TimeoutError("the response is too slow")
        self._sock.settimeout(min(left, self._each_read))
        count: int | None = self._raw.readinto(buffer)
        return count

    def close(self) -> None:
        """Close the file of the socket."""
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    """A response that is read until its deadline."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_UntilDeadline(self.fp.detach(), sock))


class _Plain(HTTPConnection):
    response_class = _Response


class _Encrypted(HTTPSConnection):
    response_class = _Response


class _PlainPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Plain


class _EncryptedPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _Encrypted


class _DeadlineAdapter(HTTPAdapter):
    """Opens connections whose responses have a deadline."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools open such connections."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _EncryptedPool}
