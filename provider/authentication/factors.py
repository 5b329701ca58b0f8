"""The factors that a person has proven, and their form for apps: `amr` and `acr`."""

from collections.abc import Collection
from enum import StrEnum

from provider.protocol.acr import PASSWORD_ACR


class Factor(StrEnum):
    """One kind of proof, by its name in `amr` (rfc8176 §2)."""

    PASSWORD = "pwd"  # noqa: S105 – no password.


_ACR = {frozenset({Factor.PASSWORD}): PASSWORD_ACR}


def amr_of(factors: Collection[Factor]) -> str:
    """Return the Authentication Methods References, separated by spaces (core §2)."""
    return " ".join(dict.fromkeys(factors))


def acr_of(factors: Collection[Factor]) -> str:
    """Return the Authentication Context Class Reference that these factors together reach (core §2)."""
    return _ACR[frozenset(factors)]
