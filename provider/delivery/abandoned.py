"""Free the leases and the trials of a worker that was killed (DLV-05, DLV-14)."""

from sqlalchemy import update

from provider.delivery.models import BreakerState, Delivery, EndpointHealth
from provider.delivery.queries import is_pending
from provider.delivery.workers import mark_of
from provider.infrastructure import clock
from provider.infrastructure.database import change


def free_leases_of(name: str) -> int:
    """Free the deliveries that a stopped worker leased without recording a result; return their number.

    Runs in an open transaction. The attempts stay counted, as they do when a lease ends: a request may have
    been sent, and their number reveals a delivery that kills its workers.
    """
    # A mark contains none of LIKE's wildcards.
    leased = Delivery.lease_token.startswith(mark_of(name))
    free = update(Delivery).where(is_pending(), leased)
    return change(free.values(leased_until=None, lease_token=None))


def free_trials_of(name: str) -> int:
    """Let other workers take over the trials of a worker that has stopped; runs in an open transaction."""
    tried = EndpointHealth.state == BreakerState.RECOVERING
    free = update(EndpointHealth).where(tried, EndpointHealth.holder == name)
    return change(free.values(open_until=clock.now()))
