"""The tables of deliveries and their attempts."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from provider.infrastructure.database import Base, UTCDateTime, foreign_key

_PENDING = text("state = 'pending'")
# A query must say it in these very words, or SQLite does not see the index.
GIVEN_UP = text("state IN ('rejected', 'expired', 'superseded')")


class DeliveryState(StrEnum):
    """Where a delivery stands; a lease on a pending row is the instant in `leased_until`."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"

    @property
    def is_final(self) -> bool:
        """Whether nothing will be sent any more without somebody asking."""
        return self is not DeliveryState.PENDING


class BreakerState(StrEnum):
    """Whether a client's endpoint is called (DLV-14)."""

    CLOSED = "closed"
    # Its deliveries wait without losing attempts, until `open_until`.
    OPEN = "open"
    # One worker tries it, with one delivery and then with some more.
    RECOVERING = "recovering"


class Delivery(Base):
    """One request owed to one client. The row is the truth; a message about it is only a doorbell."""

    __tablename__ = "delivery"
    __table_args__ = (
        # DLV-01: one row for each share that an ending ended, however often the ending is asked for.
        UniqueConstraint("logout_id", "subject_key"),
        Index(
            "ix_delivery_pending",
            "priority",
            "next_attempt_at",
            sqlite_where=_PENDING,
            postgresql_where=_PENDING,
        ),
        # Finds the first due delivery of each client without reading the others that wait (DLV-13).
        Index(
            "ix_delivery_client_id_pending",
            "client_id",
            "priority",
            "next_attempt_at",
            sqlite_where=_PENDING,
            postgresql_where=_PENDING,
        ),
        Index("ix_delivery_expiring", "expires_at", sqlite_where=_PENDING, postgresql_where=_PENDING),
        Index("ix_delivery_given_up", "state", sqlite_where=GIVEN_UP, postgresql_where=GIVEN_UP),
        Index("ix_delivery_client_id_created_at", "client_id", "created_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(32), default="backchannel_logout")
    logout_id: Mapped[UUID] = mapped_column(foreign_key("logout.id"), index=True)
    # The client session's id, or the grant's or client's where there is none; see the fan-out.
    subject_key: Mapped[str] = mapped_column(String(64))
    client_id: Mapped[UUID] = mapped_column(foreign_key("client.id"))
    account_id: Mapped[UUID] = mapped_column(foreign_key("account.id"))
    session_id: Mapped[UUID | None] = mapped_column(foreign_key("session.id"))
    sub: Mapped[str] = mapped_column(String(255))
    # Absent for a client that is sent `sub` alone.
    sid: Mapped[str | None] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16), default=DeliveryState.PENDING)
    # Security endings go first: 0 before 1.
    priority: Mapped[int] = mapped_column(default=1)
    attempt_count: Mapped[int] = mapped_column(default=0)
    # How many of them lie before somebody asked to send it again: the schedule starts anew from there.
    attempts_before_resend: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime] = mapped_column(UTCDateTime)
    leased_until: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # The fencing token: only the holder of the latest lease may say how it went (DLV-05).
    lease_token: Mapped[str | None] = mapped_column(String(64))
    last_outcome: Mapped[str | None] = mapped_column(String(32))
    last_status: Mapped[int | None] = mapped_column()
    last_url: Mapped[str | None] = mapped_column(Text)
    correlation_id: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    first_attempt_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # After this instant the news has lost its meaning.
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime)


class DeliveryAttempt(Base):
    """One HTTP exchange; the row is written before the request leaves, so a crash leaves its trace."""

    __tablename__ = "delivery_attempt"
    __table_args__ = (UniqueConstraint("delivery_id", "number"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    delivery_id: Mapped[UUID] = mapped_column(foreign_key("delivery.id"))
    number: Mapped[int] = mapped_column()
    started_at: Mapped[datetime] = mapped_column(UTCDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    url: Mapped[str | None] = mapped_column(Text)
    # The token itself is never stored (KEY-23).
    jti: Mapped[str | None] = mapped_column(String(64))
    outcome: Mapped[str | None] = mapped_column(String(32))
    status: Mapped[int | None] = mapped_column()
    latency_ms: Mapped[int | None] = mapped_column()


class EndpointHealth(Base):
    """How a client's endpoint has been doing; a row is made at its first failure, not before (DLV-14, 15)."""

    __tablename__ = "endpoint_health"

    client_id: Mapped[UUID] = mapped_column(foreign_key("client.id"), primary_key=True)
    # The address that failed: another one deserves a trial at once.
    url: Mapped[str | None] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(16), default=BreakerState.CLOSED)
    # While open: when the next trial is allowed. While recovering: until when its worker may go on alone.
    open_until: Mapped[datetime | None] = mapped_column(UTCDateTime)
    holder: Mapped[str | None] = mapped_column(String(128))
    # How often the breaker has opened since the endpoint last worked; the wait doubles with each.
    trips: Mapped[int] = mapped_column(default=0)
    consecutive_failures: Mapped[int] = mapped_column(default=0)
    window_started_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    window_attempts: Mapped[int] = mapped_column(default=0)
    window_failures: Mapped[int] = mapped_column(default=0)
    # Set by the first failure and taken away by the first success.
    failing_since: Mapped[datetime | None] = mapped_column(UTCDateTime, index=True)
    last_failed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    last_outcome: Mapped[str | None] = mapped_column(String(32))
    # Failing for so long that somebody must know; never a reason to stop trying (DLV-15).
    degraded_since: Mapped[datetime | None] = mapped_column(UTCDateTime)
    told_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class DeliveryWorker(Base):
    """A process that delivers, and when it was last seen: the living ones share the limits of DLV-13."""

    __tablename__ = "delivery_worker"

    name: Mapped[str] = mapped_column(String(128), primary_key=True)
    seen_at: Mapped[datetime] = mapped_column(UTCDateTime)
