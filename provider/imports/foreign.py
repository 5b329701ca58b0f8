"""Clients and people of another provider, in the terms of this one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

# The remark in the report for a person without a hash.
NO_PASSWORD = "no password: the export has none of this person, who cannot sign in without one"  # noqa: S105


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignClient:
    """A client in the terms of this provider; missing fields have their default."""

    client_id: str
    metadata: Mapping[str, Any]
    # None: the export has no usable secret.
    secret: str | None = field(default=None, repr=False)
    options: Mapping[str, Any] = field(default_factory=dict)
    enabled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignPerson:
    """A person in the terms of this provider."""

    username: str
    # The subject identifier that apps know; None if the export has none that can be kept.
    sub: str | None
    claims: Mapping[str, Any]
    password_hash: str | None = field(default=None, repr=False)
    enabled: bool = True
    created_at: datetime | None = None
