"""Forget finished deliveries once their retention is over (DLV-23)."""

from datetime import datetime

from sqlalchemy import and_, delete, select

from provider.delivery.models import Delivery, DeliveryAttempt
from provider.infrastructure.database import change, db
from provider.infrastructure.opaque_tokens import first_id_at


def prune_finished(finished_before: datetime, limit: int) -> int:
    """Delete up to `limit` deliveries with their attempts, oldest first; identifiers sort by age."""
    # A delivery is created before it is finished, so rows created later need not be read.
    is_old = and_(Delivery.id < first_id_at(finished_before), Delivery.finished_at < finished_before)
    ids = list(db.session.scalars(select(Delivery.id).where(is_old).order_by(Delivery.id).limit(limit)))
    if not ids:
        return 0
    change(delete(DeliveryAttempt).where(DeliveryAttempt.delivery_id.in_(ids)))
    return change(delete(Delivery).where(Delivery.id.in_(ids)))
