"""Send again what was given up, because somebody asked (DLV-16)."""

from sqlalchemy import update

from provider.delivery.models import Delivery, DeliveryState
from provider.infrastructure import clock, current
from provider.infrastructure.database import change

# What was accepted needs no repetition, and what is superseded would end a newer session.
_MAY_BE_SENT_AGAIN = (DeliveryState.REJECTED, DeliveryState.EXPIRED)


def resend(delivery: Delivery) -> bool:
    """Make a delivery due at once; one that was given up starts its schedule anew. False if it may not be."""
    now = clock.now()
    sooner = update(Delivery).where(Delivery.id == delivery.id, Delivery.state == DeliveryState.PENDING)
    if change(sooner.values(next_attempt_at=now)) == 1:
        return True
    anew = update(Delivery).where(Delivery.id == delivery.id, Delivery.state.in_(_MAY_BE_SENT_AGAIN))
    return (
        change(
            anew.values(
                state=DeliveryState.PENDING,
                next_attempt_at=now,
                attempts_before_resend=Delivery.attempt_count,
                last_outcome=None,
                finished_at=None,
                expires_at=now + current.settings().delivery_horizon,
            )
        )
        == 1
    )
