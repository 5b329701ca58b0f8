"""The latest calls: admitted or refused, why, and how fresh the knowledge was."""

import threading
from collections import deque
from dataclasses import dataclass
from datetime import datetime

from relying_party_demo import clock

CALLS_KEPT = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedCall:
    """One call, without its token."""

    at: datetime
    method: str
    path: str
    status: int
    # The token's person and app, and the acting service; unknown for a refused token.
    sub: str | None
    client_id: str | None
    actor: str | None
    # The value of the response's header; empty for a refusal.
    freshness: str
    reason: str

    @property
    def was_let_in(self) -> bool:
        """Whether the guard accepted its token."""
        return not self.reason


class CallRecord:
    """The newest calls, in memory."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: deque[RecordedCall] = deque(maxlen=CALLS_KEPT)

    def add(
        self,
        *,
        method: str,
        path: str,
        status: int,
        sub: str | None = None,
        client_id: str | None = None,
        actor: str | None = None,
        freshness: str = "",
        reason: str = "",
    ) -> None:
        """Record a call."""
        call = RecordedCall(
            at=clock.now(),
            method=method,
            path=path,
            status=status,
            sub=sub,
            client_id=client_id,
            actor=actor,
            freshness=freshness,
            reason=reason,
        )
        with self._lock:
            self._calls.appendleft(call)

    def list_newest(self) -> list[RecordedCall]:
        """Return the calls, the newest first."""
        with self._lock:
            return list(self._calls)
