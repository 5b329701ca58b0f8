"""The public keys, as published."""

from typing import Any

from provider.keys.algorithms import ALGORITHMS
from provider.keys.keyring import the_keyring
from provider.keys.models import KeyState

# The signing key comes first, for relying parties that take the first suitable key.
_ORDER = {KeyState.ACTIVE: 0, KeyState.NEXT: 1, KeyState.RETIRED: 2}


def published_jwks() -> dict[str, list[dict[str, Any]]]:
    """Return the JWK Set: the next, active and retired keys with only their public members (KEY-08)."""
    held = sorted(the_keyring().published(), key=lambda key: _ORDER[key.state])
    return {"keys": [dict(key.public_jwk) for key in held]}


def supported_algs() -> list[str]:
    """Return the algorithms for which a key is active, as the discovery document lists them (KEY-10)."""
    active = the_keyring().active_algorithms()
    return [alg for alg in ALGORITHMS if alg in active]
