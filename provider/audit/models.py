"""The table of audit events."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, BigInteger, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from provider.infrastructure.database import Base, UTCDateTime

# A query must use exactly this text, or SQLite does not use the index.
CLIENT_CHANGE = text("tag IN ('client_added', 'client_updated', 'client_removed', 'client_examined')")


class AuditEvent(Base):
    """One event. `mac` protects the entry; `seq` and `chain` protect its position among the others."""

    __tablename__ = "audit_event"
    __table_args__ = (
        Index("ix_audit_event_at_id", "at", "id"),
        Index("ix_audit_event_account_id_at", "account_id", "at"),
        Index("ix_audit_event_client_id_at", "client_id", "at"),
        Index("ix_audit_event_tag_at", "tag", "at"),
        # Few entries are about acts of operators.
        Index(
            "ix_audit_event_actor_name_at",
            "actor_name",
            "at",
            sqlite_where=text("actor_name IS NOT NULL"),
            postgresql_where=text("actor_name IS NOT NULL"),
        ),
        # The history of a client: few among very many entries.
        Index(
            "ix_audit_event_client_change",
            "client_id",
            "at",
            sqlite_where=CLIENT_CHANGE,
            postgresql_where=CLIENT_CHANGE,
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(UTCDateTime)
    tag: Mapped[str] = mapped_column(String(64))
    # The actor: account, client, admin or system.
    actor: Mapped[str] = mapped_column(String(16))
    # The operator behind `admin`, with host and terminal; the identifiers and `ip` name other actors.
    actor_name: Mapped[str | None] = mapped_column(String(255))
    actor_origin: Mapped[str | None] = mapped_column(String(255))
    account_id: Mapped[UUID | None] = mapped_column()
    client_id: Mapped[str | None] = mapped_column(String(255))
    session_id: Mapped[UUID | None] = mapped_column()
    logout_id: Mapped[UUID | None] = mapped_column()
    ip: Mapped[str | None] = mapped_column(String(64))
    correlation_id: Mapped[str | None] = mapped_column(String(64))
    detail: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    # Random. Erased together with the personal data, so that the digest reveals nothing about that data.
    salt: Mapped[str | None] = mapped_column(String(64))
    mac: Mapped[str] = mapped_column(String(64))
    # A keyed digest over the rest of the entry once its personal data has been erased.
    erased: Mapped[str | None] = mapped_column(String(64))
    seq: Mapped[int | None] = mapped_column(BigInteger, unique=True)
    chain: Mapped[str | None] = mapped_column(String(64))


class AuditAnchor(Base):
    """A target outside the database, the last link anchored there, and why the last attempt failed."""

    __tablename__ = "audit_anchor"

    # A digest of the configured target, which may contain a secret.
    target: Mapped[str] = mapped_column(String(64), primary_key=True)
    seq: Mapped[int | None] = mapped_column(BigInteger)
    chain: Mapped[str | None] = mapped_column(String(64))
    anchored_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # When it was first tried.
    since: Mapped[datetime] = mapped_column(UTCDateTime)
    failure: Mapped[str | None] = mapped_column(Text)
    failing_since: Mapped[datetime | None] = mapped_column(UTCDateTime)
