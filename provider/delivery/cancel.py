"""Cancel deliveries at an operator's request, with the reason given."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import select, update

from provider.delivery.models import Delivery, DeliveryState
from provider.delivery.queries import is_free, is_still_pending
from provider.infrastructure import clock
from provider.infrastructure.database import change, db


def cancel(ids: Collection[UUID], reason: str) -> list[Delivery]:
    """Cancel the pending ones among these deliveries; return them.

    A delivery that is being attempted right now is left alone: its recipient may be about to accept it.
    """
    now = clock.now()
    waiting = select(Delivery).where(Delivery.id.in_(ids), is_still_pending(), is_free(now))
    found = list(db.session.scalars(waiting.order_by(Delivery.id).with_for_update()))
    mine = update(Delivery).where(Delivery.id.in_([one.id for one in found]))
    change(
        mine.values(
            state=DeliveryState.CANCELLED,
            cancel_reason=reason,
            finished_at=now,
            leased_until=None,
            lease_token=None,
        )
    )
    return found
