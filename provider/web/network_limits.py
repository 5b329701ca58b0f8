"""Limits on what comes from one network: a household's, and more loosely the site's around it.

Whoever has a whole site has 65,536 households' networks; without the second limit, as many times the first.
"""

from provider.infrastructure import current
from provider.web.addresses import client_networks

_LOOSER = 16


def hit(limit: str, *key: str, cost: int = 1) -> bool:
    """Count one attempt from the requester's networks; return whether it is within the limits of all.

    An attempt that costs as much as several counts as often.
    """
    limits = current.house().rate_limits
    return all(limits.hit(limit, *key, network, times=times, cost=cost) for network, times in _counted())


def test(limit: str, *key: str) -> bool:
    """Return whether another attempt would be within the limits, without counting one."""
    limits = current.house().rate_limits
    return all(limits.test(limit, *key, network, times=times) for network, times in _counted())


def clear(limit: str, *key: str) -> None:
    """Forget the attempts from the requester's networks."""
    limits = current.house().rate_limits
    for network, times in _counted():
        limits.clear(limit, *key, network, times=times)


def wait(limit: str, *key: str) -> float:
    """Return the seconds after which another attempt may be within the limits; 0 if one is now."""
    limits = current.house().rate_limits
    return max(limits.wait(limit, *key, network, times=times) for network, times in _counted())


def _counted() -> list[tuple[str, int]]:
    return [(network, _LOOSER**index) for index, network in enumerate(client_networks())]
