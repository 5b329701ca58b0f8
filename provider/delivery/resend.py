"""At an operator's request, resend deliveries that ended unaccepted and hasten waiting ones (DLV-16)."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, select, update

from provider.delivery.models import (
    REJECTED,
    UNACCEPTED,
    BreakerState,
    Delivery,
    DeliveryState,
    EndpointHealth,
)
from provider.delivery.queries import is_free, is_health_among, is_pending, is_to
from provider.delivery.recipient import Recipient
from provider.infrastructure import clock, current
from provider.infrastructure.database import change, db

# An accepted delivery needs no repetition, and a superseded one would end a newer session.
GIVEN_UP = (DeliveryState.EXPIRED, DeliveryState.CANCELLED)
RESENDABLE = (DeliveryState.PENDING, *GIVEN_UP)


def resend(delivery: Delivery) -> bool:
    """Make a delivery due at once; one that had ended starts its schedule anew.

    False if it needs no repetition, or is being attempted right now.

    An operator has looked into it, so its endpoint may be tried at once even if its breaker is open.
    """
    now = clock.now()
    # Endpoints before deliveries: all code that locks both uses this order.
    _allow_trial([delivery.recipient], now)
    sooner = update(Delivery).where(Delivery.id == delivery.id, is_pending(), is_free(now))
    return change(sooner.values(next_attempt_at=now)) == 1 or _revive([delivery.id], now) == 1


def resend_many(
    *,
    states: Collection[DeliveryState] = (DeliveryState.PENDING, DeliveryState.EXPIRED),
    ids: Collection[UUID] | None = None,
    recipient_id: UUID | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    after: UUID | None = None,
    limit: int,
) -> list[Delivery]:
    """Make unaccepted deliveries due now, including those that a breaker holds; return them.

    `since` and `until` bound their creation; `after` is the last delivery of the batch before. Served by
    ix_delivery_client_id_created_at.
    """
    now = clock.now()
    wanted = select(Delivery).where(Delivery.state.in_(set(states) & set(RESENDABLE)), is_free(now))
    if ids is not None:
        wanted = wanted.where(Delivery.id.in_(ids))
    if recipient_id is not None:
        wanted = wanted.where(Delivery.recipient_id == recipient_id)
    if since is not None:
        wanted = wanted.where(Delivery.created_at >= since)
    if until is not None:
        wanted = wanted.where(Delivery.created_at < until)
    if after is not None:
        wanted = wanted.where(Delivery.id > after)
    wanted = wanted.order_by(Delivery.id).limit(limit)
    _allow_trial({one.recipient for one in db.session.scalars(wanted)}, now)
    found = list(db.session.scalars(wanted.with_for_update()))
    due = [one.id for one in found]
    change(update(Delivery).where(Delivery.id.in_(due)).values(next_attempt_at=now))
    _revive(due, now)
    return found


def take_up_rejected() -> int:
    """Continue rejected deliveries within their horizon; only the previous release rejects any (DLV-11).

    The migration did this once; processes of that release may have rejected more before they were replaced.
    Served by ix_delivery_given_up.
    """
    now = clock.now()
    rejected = Delivery.state == bindparam(None, REJECTED, literal_execute=True)
    late = update(Delivery).where(UNACCEPTED, rejected, Delivery.expires_at <= now)
    change(late.values(state=DeliveryState.EXPIRED))
    rest = update(Delivery).where(UNACCEPTED, rejected)
    return change(rest.values(state=DeliveryState.PENDING, next_attempt_at=now, finished_at=None))


def _revive(ids: Collection[UUID], now: datetime) -> int:
    given_up = update(Delivery).where(Delivery.id.in_(ids), Delivery.state.in_(GIVEN_UP))
    return change(
        given_up.values(
            state=DeliveryState.PENDING,
            next_attempt_at=now,
            attempts_before_resend=Delivery.attempt_count,
            last_outcome=None,
            refusals=0,
            cancel_reason=None,
            finished_at=None,
            expires_at=now + current.settings().delivery_horizon,
        )
    )


def _allow_trial(recipients: Collection[Recipient], now: datetime) -> None:
    held = update(EndpointHealth).where(
        is_health_among(recipients), EndpointHealth.state == BreakerState.OPEN
    )
    change(held.values(open_until=now))


def hasten(recipient: Recipient, limit: int) -> int:
    """Make up to `limit` deliveries to an endpoint that works again due now; return how many."""
    now = clock.now()
    later = (
        select(Delivery.id)
        .where(is_to(recipient), is_pending(), Delivery.next_attempt_at > now, is_free(now))
        .limit(limit)
    )
    mine = update(Delivery).where(Delivery.id.in_(later), is_pending(), is_free(now))
    return change(mine.values(next_attempt_at=now))
