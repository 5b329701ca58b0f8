"""The tables of accounts, and of the one-time links that give access to them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from provider.infrastructure.database import Base, UTCDateTime, foreign_key


class Account(Base):
    """A person who signs in. `sub` is what public clients call this person and is never reassigned."""

    __tablename__ = "account"
    __table_args__ = (
        # For prefix searches on names, which an index in a language's collation does not serve.
        Index(
            "ix_account_folded_username_prefix",
            "folded_username",
            postgresql_ops={"folded_username": "text_pattern_ops"},
        ),
        # For the search by e-mail address.
        Index(
            "ix_account_folded_email",
            "folded_email",
            sqlite_where=text("folded_email IS NOT NULL"),
            postgresql_where=text("folded_email IS NOT NULL"),
        ),
        # For finding administrators: few among very many accounts.
        Index(
            "ix_account_role",
            "role",
            sqlite_where=text("role IS NOT NULL"),
            postgresql_where=text("role IS NOT NULL"),
        ),
        # For finding disabled accounts: few as well.
        Index(
            "ix_account_disabled",
            "id",
            sqlite_where=text("disabled_at IS NOT NULL"),
            postgresql_where=text("disabled_at IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    sub: Mapped[str] = mapped_column(String(64), unique=True)
    username: Mapped[str] = mapped_column(String(255))
    # Names that differ only in case or width of letters belong to the same person (ABU-33).
    folded_username: Mapped[str] = mapped_column(String(255), unique=True)
    # The e-mail address from the claims, folded for searches; two people may share one.
    folded_email: Mapped[str | None] = mapped_column(String(255), deferred=True)
    password_hash: Mapped[str | None] = mapped_column(String(255))
    password_changed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # The standard claims of OpenID Core 5.1 under their wire names.
    claims: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    # What the person may administer, as `Role` names it; most people have no role.
    role: Mapped[str | None] = mapped_column(String(16))
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


class AccountLink(Base):
    """A link that allows one person to do one thing; only the digest of its secret part is stored."""

    __tablename__ = "account_link"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    # As `LinkPurpose` names it.
    purpose: Mapped[str] = mapped_column(String(32))
    # None for a link that is not bound to an account, such as the first administrator's.
    account_id: Mapped[UUID | None] = mapped_column(foreign_key("account.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
    used_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
