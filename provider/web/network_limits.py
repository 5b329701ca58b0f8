"""Limits on what the network of the request at hand may do."""

from provider.infrastructure import network_limits
from provider.web.addresses import client_networks


def hit(limit: str, *key: str, cost: int = 1) -> bool:
    """Count one attempt from the requester's networks; return whether it is within the limits of all.

    An attempt that costs as much as several counts as often.
    """
    return network_limits.hit(client_networks(), limit, *key, cost=cost)
