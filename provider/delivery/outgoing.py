"""The values that the room's verbs hand to each other: leased deliveries, requests, responses."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from provider.delivery.learned_share import Observation
from provider.delivery.recipient import Recipient
from provider.infrastructure.outbound_http import FailureKind, OutboundClient, OutboundResponse


# Compared by identity: no two leased deliveries are equal, and comparing twenty values would be slow.
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LeasedDelivery:
    """A delivery that this worker owns until its lease runs out; a copy, so that no session is held."""

    id: UUID
    kind: str
    cause_id: UUID | None
    subject_key: str
    recipient_id: UUID
    about: Mapping[str, Any] | None = field(repr=False)
    attempt_number: int
    # Which try of the present schedule this is, from 1; a resend starts a new schedule.
    try_number: int
    # Refusals in the present schedule before this attempt.
    refusals: int
    # Including this attempt.
    unfinished_attempts: int
    last_outcome: str | None
    last_status: int | None
    last_url: str | None
    next_attempt_at: datetime
    first_attempt_at: datetime | None
    lease_token: str = field(repr=False)
    leased_until: datetime
    correlation_id: str | None
    created_at: datetime
    expires_at: datetime

    @property
    def recipient(self) -> Recipient:
        """The recipient, with the kind that knows it."""
        return Recipient(self.kind, self.recipient_id)

    @property
    def crashes(self) -> int:
        """The number of attempts right before this one that were not judged because their workers died."""
        return max(0, self.unfinished_attempts - 1)


# Sends a request with these headers in addition to its own, and gives up after a time. Raises
# OutboundFailure.
Send = Callable[[OutboundClient, Mapping[str, str], timedelta], OutboundResponse]


def form(url: str, fields: Mapping[str, str]) -> Send:
    """Return a function that posts a form."""
    return lambda outbound, headers, deadline: outbound.post_form(
        url, fields, headers=headers, total_deadline=deadline
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingRequest:
    """A request as its builder made it for one attempt."""

    url: str
    # Holds what is sent, which may be a token: never shown, never stored (KEY-23).
    send: Send = field(repr=False)
    # The identifier of a token that is sent.
    jti: str | None
    # The name of the recipient, for the log.
    name: str
    # The recipient needs longer to answer than others do (DLV-12).
    is_slow: bool = False
    # Why the recipient no longer exists, if so; what is owed to it is sent all the same (DLV-22).
    gone: str | None = None


@dataclass(frozen=True, slots=True)
class Undeliverable:
    """The builder found that this cannot be sent as things stand; `outcome` says why."""

    outcome: str


@dataclass(frozen=True, slots=True)
class Cancelled:
    """There is no recipient any more; the reason goes into the row."""

    reason: str
    outcome: str | None = None


@dataclass(frozen=True, slots=True)
class Superseded:
    """Sending it now would do harm: something newer has made it void."""


# Makes the request in the thread that sends it, without querying the database: signing takes time.
Prepared = Callable[[], OutgoingRequest] | Undeliverable | Cancelled | Superseded
# Reads the data for the requests of many deliveries at once.
Builder = Callable[[Sequence[LeasedDelivery]], Mapping[UUID, Prepared]]


@dataclass(frozen=True, slots=True)
class Responded:
    """The recipient answered."""

    status: int
    retry_after: str | None = None


@dataclass(frozen=True, slots=True)
class NoResponse:
    """No response came; `kind` is the outbound client's class of failure."""

    kind: FailureKind


@dataclass(frozen=True, slots=True, kw_only=True)
class SentRequest:
    """A request that was actually sent, with its outcome, as the attempt's row keeps it."""

    url: str
    jti: str | None
    name: str
    outcome: str
    status: int | None
    latency_ms: int
    # Seconds that the response asks us to wait; the row of the attempt does not keep it.
    asked_wait: float = 0.0

    def as_observation(self, at: float) -> Observation:
        """Return the evidence of the app's load; `at` is an instant of the monotonic clock."""
        return Observation(self.status, self.latency_ms / 1000, at, self.asked_wait)
