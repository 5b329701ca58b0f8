"""Deliveries as commands show them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from provider.clients import queries as clients
from provider.delivery import degraded
from provider.delivery.models import Delivery, DeliveryState, EndpointHealth
from provider.delivery.recipient import Recipient
from provider.logout import notice

_SHOWN = (
    "id",
    "kind",
    "state",
    "attempt_count",
    "next_attempt_at",
    "last_outcome",
    "last_status",
    "last_url",
    "cancel_reason",
    "created_at",
    "first_attempt_at",
    "finished_at",
    "expires_at",
    "correlation_id",
)


def as_record(one: Delivery, names: Mapping[UUID, str], held: Mapping[Recipient, datetime]) -> dict[str, Any]:
    """Return everything about a delivery that may be shown."""
    shown = {"client_id": names[one.recipient_id]} | {name: getattr(one, name) for name in _SHOWN}
    shown |= _about(one)
    shown["state"] = one.shown_state
    if DeliveryState(one.state).is_final:
        # The row still holds when its last attempt was due, but no other attempt follows.
        del shown["next_attempt_at"]
    else:
        shown["next_attempt_at"] = next_attempt_of(one, held)
        shown["held_by_breaker"] = one.recipient in held
    return shown


def _about(one: Delivery) -> dict[str, Any]:
    logout_notice = notice.of(one)
    if logout_notice is None:
        return {"cause_id": one.cause_id}
    return {"logout_id": one.cause_id} | asdict(logout_notice)


def held_until(found: Sequence[Delivery]) -> dict[Recipient, datetime]:
    """Return until when breakers hold the pending deliveries of these recipients."""
    waiting = {one.recipient for one in found if not DeliveryState(one.state).is_final}
    return degraded.list_held_until(waiting) if waiting else {}


def next_attempt_of(one: Delivery, held: Mapping[Recipient, datetime]) -> datetime | None:
    """Return when the next attempt can really happen: not before its breaker allows a trial."""
    if DeliveryState(one.state).is_final:
        return None
    return max(one.next_attempt_at, held.get(one.recipient, one.next_attempt_at))


def client_ids_of(found: Sequence[Delivery | EndpointHealth]) -> dict[UUID, str]:
    """Return the `client_id` of each recipient, including removed clients; others are named by their `id`."""
    return clients.client_ids_of({one.recipient_id for one in found})
