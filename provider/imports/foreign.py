"""Clients and people of another provider, as this one would have them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

# What the report says of a person without a hash.
NO_PASSWORD = "no password: the export has none of this person, who cannot sign in without one"  # noqa: S105


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignClient:
    """A client in the words of this provider; what its fields lack is at its default."""

    client_id: str
    metadata: Mapping[str, Any]
    # None: the export has none that can be used.
    secret: str | None = field(default=None, repr=False)
    options: Mapping[str, Any] = field(default_factory=dict)
    enabled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignPerson:
    """A person in the words of this provider."""

    username: str
    # What apps know the person by; None where the export has nothing that is kept.
    sub: str | None
    claims: Mapping[str, Any]
    password_hash: str | None = field(default=None, repr=False)
    enabled: bool = True
    created_at: datetime | None = None
