"""The facts that the check knows about the running demo, and its failures."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

TOLD_WITHIN = 10.0
# A silent app holds the attempt until the provider's deadline; the retry follows two seconds later.
BACK_WITHIN = 45.0
_POLL_SECONDS = 0.02


class Disproved(Exception):
    """Something that must be true was not."""


@dataclass(frozen=True, kw_only=True)
class Demo:
    """The URLs of the running demo, and the secrets that its owner knows."""

    issuer: str
    apps: dict[str, str]
    username: str
    password: str = field(repr=False)
    client_secrets: dict[str, str] = field(repr=False)
    services: dict[str, str]
    phones: dict[str, Path]
    delivery_states: Callable[[], dict[str, str]]


def require(holds: object, otherwise: str) -> None:
    """Raise Disproved unless a condition holds."""
    if not holds:
        raise Disproved(otherwise)


def wait_until(holds: Callable[[], object], seconds: float, otherwise: str) -> None:
    """Wait until a condition holds. Raises Disproved."""
    deadline = time.monotonic() + seconds
    while not holds():
        require(time.monotonic() < deadline, f"{otherwise} after {seconds:g} s")
        time.sleep(_POLL_SECONDS)
