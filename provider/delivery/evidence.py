"""Evidence that a recipient is alive opens a trial of its endpoint at once (DLV-14).

A breaker waits for up to a quarter of an hour and the schedule for up to a day. One attempt is worth making
now if the app authenticates a request of its own or passes an examination, or if a neighbour at the same
origin has just accepted something. The next such attempt has to wait for a while: being alive does not prove
that its logout endpoint works.
"""

from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from sqlalchemy import select, update

from provider.delivery.models import BreakerState, Delivery, EndpointHealth
from provider.delivery.queries import is_free, is_pending, is_still_pending, is_to
from provider.delivery.recipient import Recipient
from provider.infrastructure import clock, current, event_log
from provider.infrastructure.database import after_commit, change, db, transaction
from provider.infrastructure.database_errors import AWAY

_NOTES = "curfew_evidence_of_life"


def note(recipient: Recipient) -> None:
    """Note that a recipient with a failing endpoint is alive; `act_on_notes` runs after the request."""
    noted: set[Recipient] = current.kept(_NOTES, set)
    noted.add(recipient)


def act_on_notes() -> None:
    """Open the trials that were noted, in a transaction of their own: no use case waits for them."""
    noted = sorted(current.take_kept(_NOTES) or ())
    if not noted:
        return
    try:
        with transaction():
            for recipient in noted:
                open_trial(recipient)
    except AWAY as exc:
        # The request itself has succeeded and must be answered.
        event_log.warning("evidence_of_life_not_noted", kind=type(exc).__name__)


def open_trial(recipient: Recipient) -> bool:
    """Allow a trial of a failing endpoint with its first waiting delivery; False if that gains nothing."""
    now = clock.now()
    # Read without a lock first: most requests of a recipient that is known to be alive change nothing.
    health = db.session.get(EndpointHealth, recipient, populate_existing=True)
    if health is None or trial_at(health, now) is None:
        return False
    health = db.session.get(EndpointHealth, recipient, populate_existing=True, with_for_update=True)
    at = trial_at(health, now) if health else None
    first = _first_waiting(recipient, now)
    if health is None or at is None or first is None:
        return False
    if health.state == BreakerState.CLOSED and first.next_attempt_at <= now + _spacing():
        return False
    if at == now:
        health.trial_asked_at = now
    health.state, health.open_until, health.holder = BreakerState.OPEN, at, None
    if first.next_attempt_at > at:
        sooner = update(Delivery).where(Delivery.id == first.id, is_still_pending(), is_free(now))
        change(sooner.values(next_attempt_at=at))
    after_commit(partial(_wake, first.id))
    return True


def trial_at(health: EndpointHealth, now: datetime) -> datetime | None:
    """Return when evidence of life allows a trial of an endpoint; None if that gains no time."""
    if not health.is_failing or health.state == BreakerState.RECOVERING:
        return None
    asked_at = health.trial_asked_at
    at = max(now, asked_at + _spacing()) if asked_at else now
    if health.state == BreakerState.CLOSED:
        return at if at == now else None
    return at if health.open_until is not None and health.open_until > at else None


def _wake(delivery_id: UUID) -> None:
    # Without a broker no worker is woken; the next sweep finds the delivery.
    current.services().wake_ups.send(str(delivery_id))


def _spacing() -> timedelta:
    return current.settings().endpoint_probe_wait


def _first_waiting(recipient: Recipient, now: datetime) -> Delivery | None:
    """Return the first delivery that waits for a recipient. Served by ix_delivery_recipient_pending."""
    waiting = select(Delivery).where(is_to(recipient), is_pending(), is_free(now))
    first = waiting.order_by(Delivery.priority, Delivery.next_attempt_at).limit(1)
    return db.session.scalars(first, execution_options={"populate_existing": True}).one_or_none()
