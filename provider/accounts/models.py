"""The table of accounts."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, String
from sqlalchemy.orm import Mapped, mapped_column

from provider.infrastructure.database import Base, UTCDateTime


class Account(Base):
    """A person who signs in. `sub` is what public clients call this person and is never reassigned."""

    __tablename__ = "account"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    sub: Mapped[str] = mapped_column(String(64), unique=True)
    username: Mapped[str] = mapped_column(String(255))
    # Case and width of letters do not make another person (ABU-33).
    folded_username: Mapped[str] = mapped_column(String(255), unique=True)
    password_hash: Mapped[str | None] = mapped_column(String(255))
    password_changed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # The standard claims of OpenID Core 5.1 under their wire names.
    claims: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    epoch: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    updated_at: Mapped[datetime] = mapped_column(UTCDateTime)
    disabled_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    deleted_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    @property
    def is_active(self) -> bool:
        """Whether this person may sign in at all."""
        return self.disabled_at is None and self.deleted_at is None

    @property
    def display_name(self) -> str:
        """The person's name on pages."""
        return str(self.claims.get("name") or self.username)
