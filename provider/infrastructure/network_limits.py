"""Limits on what comes from one network: a household's, and more loosely the site's around it.

A site has up to 65,536 households' networks; without the second limit, an attacker with a whole site could
use up the first one that many times.
"""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv6Address, ip_network

from provider.infrastructure import current
from provider.infrastructure.local_windows import Step
from provider.infrastructure.rate_limits import step
from provider.protocol.forwarded import read_node

UNKNOWN = "unknown"
# One household or machine commonly has a whole network of the first size, one site of the second.
_HOUSEHOLD, _SITE = 64, 48
_LOOSER = 16


@lru_cache(maxsize=1024)
def networks_of(address: str | None) -> tuple[str, ...]:
    """Return what limits count by, narrow ones first: an address, or the networks around an IPv6 one."""
    node = read_node(address or "")
    if isinstance(node, IPv6Address):
        return tuple(str(ip_network((node, prefix), strict=False)) for prefix in (_HOUSEHOLD, _SITE))
    return (str(node or UNKNOWN),)


def hit(networks: Sequence[str], limit: str, *key: str, cost: int = 1) -> bool:
    """Count one attempt from the networks; return whether it is within the limits of all.

    An attempt that costs as much as several counts as often.
    """
    return current.services().rate_limits.first_refused(steps(networks, limit, *key, cost=cost)) is None


def test(networks: Sequence[str], limit: str, *key: str) -> bool:
    """Return whether another attempt would be within the limits, without counting one."""
    return current.services().rate_limits.first_refused(steps(networks, limit, *key, counts=False)) is None


def steps(networks: Sequence[str], limit: str, *key: str, cost: int = 1, counts: bool = True) -> list[Step]:
    """Return the steps of one attempt from the networks, to be checked together with others."""
    return [
        step(limit, *key, network, times=times, cost=cost, counts=counts)
        for network, times in _counted(networks)
    ]


def clear(networks: Sequence[str], limit: str, *key: str) -> None:
    """Forget the attempts from the networks."""
    limits = current.services().rate_limits
    for network, times in _counted(networks):
        limits.clear(limit, *key, network, times=times)


def wait(networks: Sequence[str], limit: str, *key: str) -> float:
    """Return the seconds after which another attempt may be within the limits; 0 if one is now."""
    limits = current.services().rate_limits
    return max(limits.wait(limit, *key, network, times=times) for network, times in _counted(networks))


def _counted(networks: Sequence[str]) -> list[tuple[str, int]]:
    return [(network, _LOOSER**index) for index, network in enumerate(networks)]
