"""Acts on notifications that are owed: send them sooner or again, or stop trying."""

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from provider.audit.record import record
from provider.audit.tags import EventTag
from provider.clients.models import Client
from provider.clients.queries import client_ids_of
from provider.delivery import cancel as cancelling
from provider.delivery import queries
from provider.delivery.evidence import open_trial
from provider.delivery.models import Delivery, DeliveryState
from provider.delivery.resend import RESENDABLE, resend, resend_many
from provider.infrastructure import clock, current
from provider.infrastructure.database import after_commit
from provider.logout import notice

_LONGEST_REASON = 500


class InvalidReason(ValueError):
    """The reason for a cancellation is missing or too long; the message states the allowed length."""


def checked_reason(reason: str) -> str:
    """Return the reason for a cancellation in the form in which it is stored. Raises InvalidReason."""
    reason = reason.strip()
    if not 0 < len(reason) <= _LONGEST_REASON:
        raise InvalidReason(f"the reason must have between 1 and {_LONGEST_REASON} characters")
    return reason


def retry(delivery: Delivery) -> bool:
    """Make a delivery due at once; False if it needs no retry or is being attempted right now."""
    if not resend(delivery):
        return False
    _record_resent([delivery])
    return True


def retry_some(
    *,
    states: Collection[DeliveryState],
    client_pk: UUID | None,
    since: datetime | None,
    until: datetime | None,
    after: UUID | None,
    limit: int,
) -> list[Delivery]:
    """Make a batch of deliveries due at once and return it; `after` is the last of the previous batch."""
    found = resend_many(
        states=states, recipient_id=client_pk, since=since, until=until, after=after, limit=limit
    )
    if found:
        _record_resent(found)
    return found


def retry_these(ids: Collection[UUID]) -> list[Delivery]:
    """Make these deliveries due at once and return those that needed a retry and were not being attempted."""
    found = resend_many(states=RESENDABLE, ids=ids, limit=len(ids))
    if found:
        _record_resent(found)
    return found


def cancel_these(ids: Collection[UUID], reason: str) -> list[Delivery]:
    """Stop trying to deliver these, for a checked reason, and return those that were still waiting."""
    return _cancelled(ids, reason)


def cancel(delivery: Delivery, reason: str) -> bool:
    """Stop trying to deliver, for a checked reason; False if the delivery has ended or is being attempted."""
    return bool(_cancelled([delivery.id], reason))


def cancel_some_of(client_pk: UUID, reason: str, *, after: UUID | None, limit: int) -> list[Delivery]:
    """Cancel and return a batch of a client's pending deliveries; `after` is the last of the batch before."""
    return _cancelled(queries.list_pending_of(client_pk, clock.now(), after, limit), reason)


def try_endpoint(client: Client) -> bool:
    """Try a client's pending deliveries although its endpoint is held back; False if that gains nothing.

    The first delivery shows whether the endpoint works; if it does, the others follow at once.
    """
    is_tried = open_trial(notice.recipient_of(client.id))
    if is_tried:
        record(EventTag.ENDPOINT_TRIED, actor="admin", client_id=client.client_id)
    return is_tried


def _cancelled(ids: Collection[UUID], reason: str) -> list[Delivery]:
    found = cancelling.cancel(ids, reason)
    _record(EventTag.DELIVERY_CANCELLED, found, reason=reason)
    return found


def _record_resent(found: Sequence[Delivery]) -> None:
    _record(EventTag.DELIVERY_RESENT, found)
    after_commit(partial(_wake_worker, found[-1].id))


def _record(tag: EventTag, found: Sequence[Delivery], **detail: Any) -> None:
    names = client_ids_of({one.recipient_id for one in found})
    for one in found:
        logout_notice = notice.of(one)
        record(
            tag,
            actor="admin",
            account_id=logout_notice.account_id if logout_notice else None,
            client_id=names[one.recipient_id],
            logout_id=one.cause_id if logout_notice else None,
            delivery_id=one.id,
            **detail,
        )


def _wake_worker(delivery_id: UUID) -> None:
    # Without a broker no worker is woken; one finds the delivery at its next sweep.
    current.services().wake_ups.send(str(delivery_id))
