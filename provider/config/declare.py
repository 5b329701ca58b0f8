"""The declaration of a setting."""

from dataclasses import MISSING, field
from typing import Any


def setting(meaning: str, *, default: Any = MISSING, secret: bool = False) -> Any:
    """Declare a setting: its meaning, its default, and whether its value is secret."""
    return field(default=default, repr=not secret, metadata={"meaning": meaning, "secret": secret})
