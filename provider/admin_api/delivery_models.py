"""The forms of deliveries in the admin API."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from provider.admin_api.inputs import Input, Instant, Page, Sentence

ClientID = Annotated[str, Meta(max_length=255)]
Shown = Literal["pending", "refusing", "accepted", "expired", "cancelled", "superseded"]
Resendable = Literal["pending", "expired", "cancelled"]


class ListDeliveries(Page, frozen=True, kw_only=True):
    """A filter of deliveries; `refusing` ones are pending too."""

    state: Shown | None = None
    client_id: ClientID | None = None
    since: Instant | None = None
    until: Instant | None = None


class AttemptView(msgspec.Struct, frozen=True, kw_only=True):
    """One HTTP exchange."""

    number: int
    started_at: datetime
    finished_at: datetime | None
    url: str | None
    jti: str | None
    outcome: str | None
    status: int | None
    latency_ms: int | None


class DeliveryView(msgspec.Struct, frozen=True, kw_only=True):
    """One request that is owed to an app."""

    id: UUID
    kind: str
    client_id: str
    logout_id: UUID | None
    person_id: UUID | None
    session_id: UUID | None
    state: str
    attempt_count: int
    next_attempt_at: datetime | None
    held_by_breaker: bool
    last_outcome: str | None
    last_status: int | None
    cancel_reason: str | None
    created_at: datetime
    first_attempt_at: datetime | None
    finished_at: datetime | None
    expires_at: datetime
    correlation_id: str | None


class DeliveryDetail(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery with its attempts."""

    delivery: DeliveryView
    attempts: list[AttemptView]


class DeliveryPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of deliveries, newest first."""

    items: list[DeliveryView]
    next: UUID | None


class Cancellation(Input, frozen=True, kw_only=True):
    """Why a delivery is given up."""

    reason: Sentence


class ManyToResend(Input, frozen=True, kw_only=True):
    """Deliveries of a client, of a span of time, or both; `after` continues a batch."""

    client_id: ClientID | None = None
    since: Instant | None = None
    until: Instant | None = None
    states: Annotated[list[Resendable], Meta(min_length=1)] = msgspec.field(
        default_factory=lambda: ["pending", "expired"]
    )
    after: UUID | None = None


class ManyToCancel(Input, frozen=True, kw_only=True):
    """All pending deliveries of a client; `after` continues a batch."""

    client_id: ClientID
    reason: Sentence
    after: UUID | None = None


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    """The number of changes in a batch; repeat with `next` as `after` until it is null."""

    changed: int
    next: UUID | None
