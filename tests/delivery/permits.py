"""Permits where the limits do not matter."""

from provider.delivery.learned_share import Observation
from provider.delivery.permit import Permit
from provider.delivery.selection import DueDelivery
from provider.delivery.throttle import EndpointThrottle


def without_limit(due: DueDelivery) -> Permit:
    """Give a permit for any delivery."""
    return Permit(EndpointThrottle(), None, [], _forget, flow=due.recipient, priority=due.priority, now=0.0)


def _forget(_endpoint: EndpointThrottle, _address: str, _reply: Observation | None) -> None:
    """No address has a limit."""
