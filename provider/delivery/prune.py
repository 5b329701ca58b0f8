"""Forget finished deliveries once their retention is over (DLV-23)."""

from datetime import datetime

from sqlalchemy import delete, select

from provider.delivery.models import Delivery, DeliveryAttempt
from provider.infrastructure.database import change, db


def prune_finished(finished_before: datetime, limit: int) -> int:
    """Delete up to so many deliveries with their attempts, the oldest first; identifiers sort by age."""
    old = select(Delivery.id).where(Delivery.finished_at < finished_before).order_by(Delivery.id).limit(limit)
    ids = list(db.session.scalars(old))
    if not ids:
        return 0
    change(delete(DeliveryAttempt).where(DeliveryAttempt.delivery_id.in_(ids)))
    return change(delete(Delivery).where(Delivery.id.in_(ids)))
