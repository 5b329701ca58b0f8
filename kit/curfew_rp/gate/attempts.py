"""Sign-ins under way: each is kept in a signed cookie, so that attackers cannot fill a store (KIT-07).

Several tabs may sign in at once. Number and size of these cookies are bounded; the oldest are dropped.
"""

import hashlib
import hmac
import re
import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import quote, unquote

LIFETIME = timedelta(minutes=15)
MOST = 8
# For all of them together: servers refuse headers of 8 KB, and the app has cookies as well.
_MOST_BYTES = 3072
_STATE = re.compile(r"[A-Za-z0-9_-]{22}", re.ASCII)
_VALUE = re.compile(r"(\d{10})\.([A-Za-z0-9_-]{43})\.([\x21-\x7e]{1,4096})", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One sign-in under way, and its target."""

    state: str
    target: str
    nonce: str = field(repr=False)
    code_verifier: str = field(repr=False)


class Attempts:
    """Begins and recognises attempts; nodes that share the client secret recognise each other's."""

    def __init__(self, client_secret: str, *, cookie_prefix: str) -> None:
        self._key = hmac.digest(client_secret.encode(), b"curfew-rp gate: attempts", "sha256")
        self._prefix = cookie_prefix

    def begin(self, target: str) -> tuple[Attempt, str, str]:
        """Return a new attempt, and the name and the value of its cookie."""
        state = secrets.token_urlsafe(16)
        until = str(int(time.time() + LIFETIME.total_seconds()))
        seal = self._derive("seal", state, until, target)
        return self._attempt(state, target), self._prefix + state, f"{until}.{seal}.{quote(target)}"

    def find(self, state: str | None, cookies: Mapping[str, str]) -> Attempt | None:
        """Return the attempt that a response belongs to, if this browser began it and it has not expired."""
        if state is None or not _STATE.fullmatch(state):
            return None
        read = _VALUE.fullmatch(cookies.get(self._prefix + state, ""))
        if read is None or int(read[1]) < time.time():
            return None
        target = unquote(read[3])
        is_ours = hmac.compare_digest(read[2], self._derive("seal", state, read[1], target))
        return self._attempt(state, target) if is_ours else None

    def surplus(self, cookies: Mapping[str, str], newest: str) -> list[str]:
        """Return the names of cookies to drop, so that the newest one fits in with the others."""
        mine = {name: value for name, value in cookies.items() if name.startswith(self._prefix)}
        room, dropped = _MOST_BYTES - len(newest), []
        for number, name in enumerate(sorted(mine, key=lambda name: mine[name], reverse=True), start=2):
            room -= len(name) + len(mine[name])
            if number > MOST or room < 0:
                dropped.append(name)
        return dropped

    def _attempt(self, state: str, target: str) -> Attempt:
        # Both are derived, so that the cookie does not contain them.
        nonce, verifier = (self._derive(kind, state) for kind in ("nonce", "code_verifier"))
        return Attempt(state=state, target=target, nonce=nonce, code_verifier=verifier)

    def _derive(self, *texts: str) -> str:
        digest = hmac.new(self._key, "\0".join(texts).encode(), hashlib.sha256).digest()
        return urlsafe_b64encode(digest).rstrip(b"=").decode()
