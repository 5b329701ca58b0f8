"""Questions about deliveries."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_, select

from provider.delivery.models import Delivery, DeliveryAttempt, DeliveryState
from provider.infrastructure.database import db


class UnknownDelivery(Exception):
    """No delivery has this id."""


def due_condition(now: datetime, logout_id: UUID | None = None) -> ColumnElement[bool]:
    """Whether a delivery's time has come and nobody owns it. Served by ix_delivery_pending."""
    free = or_(Delivery.leased_until.is_(None), Delivery.leased_until < now)
    due = and_(Delivery.state == DeliveryState.PENDING, Delivery.next_attempt_at <= now, free)
    return due if logout_id is None else and_(due, Delivery.logout_id == logout_id)


def is_any_due(now: datetime, logout_id: UUID | None = None) -> bool:
    """Whether a claim would find anything; a read, which on SQLite keeps no writer waiting."""
    return db.session.scalar(select(Delivery.id).where(due_condition(now, logout_id)).limit(1)) is not None


def get(delivery_id: UUID) -> Delivery:
    """Return a delivery. Raises UnknownDelivery."""
    delivery = db.session.get(Delivery, delivery_id)
    if delivery is None:
        raise UnknownDelivery(str(delivery_id))
    return delivery


def list_of_logout(logout_id: UUID) -> list[Delivery]:
    """Return everything that is owed because of one ending, oldest first."""
    of_logout = select(Delivery).where(Delivery.logout_id == logout_id)
    return list(db.session.scalars(of_logout.order_by(Delivery.id)))


def list_deliveries(
    *,
    state: str | None = None,
    client_id: UUID | None = None,
    before: UUID | None = None,
    limit: int = 100,
) -> list[Delivery]:
    """Return deliveries, newest first; `before` is the last id of the page before."""
    wanted = select(Delivery).order_by(Delivery.id.desc()).limit(limit)
    if state is not None:
        wanted = wanted.where(Delivery.state == state)
    if client_id is not None:
        wanted = wanted.where(Delivery.client_id == client_id)
    if before is not None:
        wanted = wanted.where(Delivery.id < before)
    return list(db.session.scalars(wanted))


def list_attempts(delivery_id: UUID) -> list[DeliveryAttempt]:
    """Return a delivery's attempts in order."""
    attempts = select(DeliveryAttempt).where(DeliveryAttempt.delivery_id == delivery_id)
    return list(db.session.scalars(attempts.order_by(DeliveryAttempt.number)))
