"""Relying parties as real HTTP servers: strict about tokens, and as badly behaved as a test wants.

They know the provider by its published JWKS alone and check each token with joserfc at the moment
at which it arrives.
"""

import contextlib
import json
import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import requests
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from tests.faults.history import History, Receipt, now
from tests.support.waiting import PATIENCE

LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
# INV-05: keys may be as old as this, and are looked at again as often as this.
OLDEST_JWKS, FRESH_JWKS = 300.0, 1.0

Manner = Callable[["Exchange"], None]


class PublishedKeys:
    """The provider's JWKS, as a relying party keeps it."""

    def __init__(self, issuer: str) -> None:
        self._url = f"{issuer}/jwks"
        self._keys: dict[str, dict[str, str]] = {}
        self._fetched = float("-inf")
        self._asked = float("-inf")
        self._lock = threading.Lock()
        self._http = requests.Session()
        self._http.trust_env = False

    def of(self, kid: str) -> KeySet | None:
        """The key of this name if it is published, or was the last time that anybody could look."""
        with self._lock:
            age = time.monotonic() - self._asked
            if age > FRESH_JWKS or (kid not in self._keys and age > 0.05):
                self._look(kid)
            if kid not in self._keys or time.monotonic() - self._fetched > OLDEST_JWKS:
                return None
            return KeySet.import_key_set({"keys": [self._keys[kid]]})

    def close(self) -> None:
        self._http.close()

    def _look(self, kid: str) -> None:
        self._asked = time.monotonic()
        with contextlib.suppress(requests.RequestException, ValueError, KeyError):
            # Without the key it cannot judge at all, so it waits; else a silent provider may not hold it.
            response = self._http.get(self._url, timeout=1 if kid in self._keys else PATIENCE)
            response.raise_for_status()
            self._keys = {key["kid"]: key for key in response.json()["keys"]}
            self._fetched = time.monotonic()


class Exchange:
    """One request at a relying party, whose response is a matter of manners."""

    def __init__(self, connection: socket.socket, receipt: Receipt, rp: "RelyingParty") -> None:
        self.connection = connection
        self.receipt = receipt
        self.rp = rp

    def answer(self, status: int, headers: str = "") -> None:
        text = f"HTTP/1.1 {status} Whatever\r\n{headers}Content-Length: 0\r\n\r\n"
        self.send(text.encode(), status=status)

    def send(self, raw: bytes, *, status: int | None = None) -> None:
        """Send bytes; with a status, note that it was sent."""
        self.connection.sendall(raw)
        if status is not None:
            self.receipt.answered = status

    def reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()


class RelyingParty:
    """One relying party: a name, a port, manners, and a memory of who is signed in."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.history = History()
        self.issuer = ""
        self.keys: PublishedKeys | None = None
        self.manner: Manner = polite
        # How many requests are under way, and how many there were at once at most.
        self.busy = self.busiest = 0
        self.opened = 0
        self.released = threading.Event()
        self._lock = threading.Lock()
        self._closed = False
        self._listener: socket.socket | None = None
        self._connections: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self.port = 0
        self.listen()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def is_listening(self) -> bool:
        return self._listener is not None

    def listen(self) -> None:
        """Take connections, at the same port as before."""
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=256)
        self.port = self._listener.getsockname()[1]
        self._start(self._accept, self._listener)

    def vanish(self) -> None:
        """Refuse every connection, and end those there are."""
        if self._listener is not None:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def begin(self, history: History, issuer: str) -> None:
        """Forget what was, behave, and look at this provider's keys."""
        if not self.is_listening:
            self.listen()
        self.history, self.issuer, self.manner = history, issuer, polite
        self.busiest = self.opened = 0
        self.released = threading.Event()
        if self.keys:
            self.keys.close()
        self.keys = PublishedKeys(issuer)

    def read_id_token(self, token: str) -> dict[str, Any]:
        """Check an ID Token as every relying party does, which is when it first fetches the keys."""
        assert self.keys is not None
        kid = json.loads(_decoded(token.partition(".")[0]))["kid"]
        keys = self.keys.of(kid)
        assert keys is not None, f"the key {kid} is not published"
        return jwt.decode(token, keys, algorithms=["RS256", "ES256"]).claims

    def close(self) -> None:
        self._closed = True
        self.released.set()
        self.vanish()
        for thread in self._threads:
            thread.join(PATIENCE)
        if self.keys:
            self.keys.close()

    def _start(self, act: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=act, args=args, daemon=True)
        self._threads = [known for known in self._threads if known.is_alive()] + [thread]
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self.opened += 1
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        self._connections.add(connection)
        with connection, contextlib.suppress(OSError):
            while (request := _read_request(connection)) is not None:
                self._take(connection, *request)
        self._connections.discard(connection)

    def _take(self, connection: socket.socket, headers: dict[str, str], body: bytes) -> None:
        receipt = self._judge(headers, body)
        with self._lock:
            self.busy += 1
            self.busiest = max(self.busiest, self.busy)
        with self.history.lock:
            self.history.receipts.append(receipt)
        try:
            self.manner(Exchange(connection, receipt, self))
        finally:
            receipt.ended_at = now()
            with self._lock:
                self.busy -= 1

    def _judge(self, headers: dict[str, str], body: bytes) -> Receipt:
        form = parse_qs(body.decode(errors="replace"))
        token = form.get("logout_token", [""])[0]
        self.history.keep_secret(token)
        receipt = Receipt(
            rp=self.name,
            at=now(),
            delivery=headers.get("curfew-delivery", ""),
            attempt=int(headers.get("curfew-attempt") or 0),
            claims={},
            kid="",
            problems=[] if set(form) == {"logout_token"} else [f"the body has {sorted(form)}"],
        )
        receipt.problems += self._problems_of(token, receipt)
        return receipt

    def _problems_of(self, token: str, receipt: Receipt) -> list[str]:
        """Check what backchannel §2.6 tells a relying party to look at, and what INV-05 asks beyond it."""
        assert self.keys is not None
        try:
            receipt.kid = json.loads(_decoded(token.partition(".")[0]))["kid"]
            keys = self.keys.of(receipt.kid)
            if keys is None:
                return [f"the key {receipt.kid} is not published"]
            read = jwt.decode(token, keys, algorithms=["RS256", "ES256"])
        except (JoseError, ValueError, KeyError) as exc:
            return [f"not verified: {exc!r}"]
        claims = receipt.claims = read.claims
        at = receipt.at.timestamp()
        wrong = {
            "typ": read.header.get("typ") != "logout+jwt",
            "iss": claims.get("iss") != self.issuer,
            "aud": claims.get("aud") != self.name,
            "events": claims.get("events") != {LOGOUT_EVENT: {}},
            "nonce": "nonce" in claims,
            "jti": not claims.get("jti"),
            "sub and sid": not (claims.get("sub") or claims.get("sid")),
            "exp": claims.get("exp", 0) - at < 60,
            "iat": abs(claims.get("iat", 0) - at) > 30,
        }
        return [f"{name} is wrong" for name, is_wrong in wrong.items() if is_wrong]


def _decoded(part: str) -> bytes:
    import base64

    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _read_request(connection: socket.socket) -> tuple[dict[str, str], bytes] | None:
    raw = b""
    while b"\r\n\r\n" not in raw:
        if not (chunk := connection.recv(65536)):
            return None
        raw += chunk
    head, _, body = raw.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")[1:]
    headers = {
        name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    while len(body) < int(headers.get("content-length", "0")):
        if not (chunk := connection.recv(65536)):
            return None
        body += chunk
    return headers, body


def polite(exchange: Exchange) -> None:
    """Say yes."""
    exchange.send(OK, status=200)
