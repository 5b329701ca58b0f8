"""Rate limits by the network that a request comes from."""

from provider.infrastructure import network_limits
from provider.web.addresses import client_networks


def hit(limit: str, *key: str, cost: int = 1) -> bool:
    """Count one attempt of the sender's networks; return whether it is within the limits of all.

    `cost` is the number of attempts that it counts as.
    """
    return network_limits.hit(client_networks(), limit, *key, cost=cost)
