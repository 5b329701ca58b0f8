"""Rows as a test wants them: deliveries with other values, and the health of endpoints."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import update

from provider.delivery.models import Delivery, EndpointHealth
from provider.infrastructure import clock
from provider.infrastructure.database import change, db, transaction
from provider.infrastructure.opaque_tokens import new_id
from provider.logout.notice import BACKCHANNEL_LOGOUT

MINUTE = timedelta(minutes=1)


def put(delivery: Delivery, **values: object) -> Delivery:
    """Give a delivery other values in the database."""
    with transaction():
        change(update(Delivery).where(Delivery.id == delivery.id).values(**values))
    return delivery


def moved_behind(delivery: Delivery) -> UUID:
    """Give a delivery an id behind those of the others: it is the first row, and the last in their order."""
    behind = new_id()
    put(delivery, id=behind)
    return behind


def leased(delivery: Delivery, ends_in: timedelta = MINUTE) -> Delivery:
    """A delivery that a worker attempts, or attempted."""
    return put(delivery, leased_until=clock.now() + ends_in, lease_token="a lease")


def endpoint(client_id: UUID, **values: object) -> EndpointHealth:
    """Write down how the endpoint of a client is doing."""
    health = EndpointHealth(kind=BACKCHANNEL_LOGOUT, recipient_id=client_id, **values)
    with transaction():
        db.session.add(health)
    return health
