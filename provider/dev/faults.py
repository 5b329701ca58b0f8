"""Delivery faults on demand: the next Logout Tokens are late, doubled, bad or not sent."""

import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from provider.dev.bad_tokens import make_bad, read_parts
from provider.infrastructure import clock
from provider.infrastructure.outbound_http import (
    OutboundClient,
    OutboundFailure,
    OutboundPolicy,
    OutboundResponse,
)

# Shorter than a worker's lease on a delivery.
LONGEST_DELAY = timedelta(seconds=10)
_MOST_PLAYED = 200
_REFUSED = 400
_SUCCESS = range(200, 300)


class FaultKind(StrEnum):
    """Ways in which a delivery goes wrong."""

    # Sent after some seconds.
    LATE = "late"
    # The same request is sent twice.
    DOUBLED = "doubled"
    # A bad token is sent instead; the good one follows at the next scheduled retry.
    BAD = "bad"
    # Nothing is sent, as if the app could not be reached.
    OFF = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A fault that waits for deliveries to one client or, if that is None, to any."""

    kind: FaultKind
    client_id: str | None = None
    # The number of attempts to disturb; None: all, until the fault is cleared.
    times: int | None = None
    # The delay of a late delivery.
    seconds: float = 0
    # The kind of a bad token.
    token: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """A request that was sent to an app under a fault; `status` is None if there was no response."""

    at: datetime
    fault: FaultKind
    client_id: str
    url: str
    token: str | None
    status: int | None


class Faults:
    """The waiting faults, and the recently played ones; shared by threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Fault] = []
        self._played: deque[Played] = deque(maxlen=_MOST_PLAYED)

    def add(self, fault: Fault) -> None:
        """Add a fault, which waits for the next attempts."""
        with self._lock:
            self._waiting.append(fault)

    def clear(self, client_id: str | None = None) -> None:
        """Remove the faults of one client, or all of them."""
        with self._lock:
            self._waiting = [one for one in self._waiting if client_id not in (None, one.client_id)]

    def take(self, client_id: str) -> Fault | None:
        """Return the fault for an attempt at a client, and count that attempt against it."""
        with self._lock:
            for index, fault in enumerate(self._waiting):
                if fault.client_id not in (None, client_id):
                    continue
                left = None if fault.times is None else fault.times - 1
                self._waiting[index : index + 1] = [] if left == 0 else [replace(fault, times=left)]
                return fault
        return None

    def note(self, fault: Fault, client_id: str, url: str, status: int | None) -> None:
        """Record how an app responded under a fault."""
        played = Played(
            at=clock.now(),
            fault=fault.kind,
            client_id=client_id,
            url=url,
            token=fault.token,
            status=status,
        )
        with self._lock:
            self._played.append(played)

    def list_waiting(self) -> list[dict[str, Any]]:
        """List the waiting faults, next first."""
        with self._lock:
            return [asdict(one) for one in self._waiting]

    def list_played(self) -> list[dict[str, Any]]:
        """List the requests sent under faults, newest first."""
        with self._lock:
            return [asdict(one) for one in reversed(self._played)]


class FaultyOutbound(OutboundClient):
    """Calls other parties as the provider does, but plays the waiting faults on Logout Tokens."""

    def __init__(self, policy: OutboundPolicy, faults: Faults) -> None:
        super().__init__(policy)
        self._faults = faults

    def post_form(
        self,
        url: str,
        fields: Mapping[str, str],
        *,
        headers: Mapping[str, str] = {},
        total_deadline: timedelta | None = None,
    ) -> OutboundResponse:
        """POST a form; a waiting fault may disturb a Logout Token."""
        token = fields.get("logout_token")
        client_id = str(read_parts(token)[1]["aud"]) if token else ""
        fault = self._faults.take(client_id) if token else None
        if token is None or fault is None:
            return super().post_form(url, fields, headers=headers, total_deadline=total_deadline)
        attempt = _Attempt(fault, client_id, url, token, headers, total_deadline)
        return self._play(attempt)

    def _play(self, attempt: "_Attempt") -> OutboundResponse:
        match attempt.fault.kind:
            case FaultKind.OFF:
                self._faults.note(attempt.fault, attempt.client_id, attempt.url, None)
                raise OutboundFailure("connect", "deliveries are off")
            case FaultKind.BAD:
                return self._send_bad(attempt)
            case FaultKind.LATE:
                time.sleep(attempt.fault.seconds)
                return self._send(attempt, attempt.token)
            case FaultKind.DOUBLED:
                response = self._send(attempt, attempt.token)
                self._send(attempt, attempt.token)
                return response

    def _send_bad(self, attempt: "_Attempt") -> OutboundResponse:
        response = self._send(attempt, make_bad(attempt.token, attempt.fault.token or ""))
        if response.status in _SUCCESS:
            # The app accepted a bad token. Report it as refused, so that the delivery is retried with the
            # good one.
            return replace(response, status=_REFUSED)
        return response

    def _send(self, attempt: "_Attempt", token: str) -> OutboundResponse:
        try:
            response = super().post_form(
                attempt.url,
                {"logout_token": token},
                headers=attempt.headers,
                total_deadline=attempt.total_deadline,
            )
        except OutboundFailure:
            self._faults.note(attempt.fault, attempt.client_id, attempt.url, None)
            raise
        self._faults.note(attempt.fault, attempt.client_id, attempt.url, response.status)
        return response


@dataclass(frozen=True, slots=True)
class _Attempt:
    fault: Fault
    client_id: str
    url: str
    token: str
    headers: Mapping[str, str]
    total_deadline: timedelta | None
