"""The tables of deliveries and their attempts."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from provider.delivery.earlier_columns import EarlierColumns
from provider.delivery.recipient import Recipient
from provider.infrastructure.database import Base, UTCDateTime, foreign_key

_PENDING = text("state = 'pending'")
_UNCAUSED = text("logout_id IS NULL")
# A query must contain exactly this text, or SQLite does not use the index. `rejected` is what the previous
# release wrote; its processes may still run during an upgrade.
UNACCEPTED = text("state IN ('rejected', 'expired', 'cancelled', 'superseded')")
REFUSED_TWICE = text("state = 'pending' AND refusals > 1")
REFUSING = "refusing"
# Refusals, by a response or by our own address policy: an operator has to look.
REFUSALS = frozenset({"redirected", "bad_request", "misconfigured", "refused", "no_address"})
# DLV-11: a single refusal may come from an app that is restarting.
REFUSING_FROM = 2
# A state of the previous release; a duty of the worker makes such rows pending again.
REJECTED = "rejected"


class DeliveryState(StrEnum):
    """The state of a delivery; a lease on a pending row is the instant in `leased_until`."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    EXPIRED = "expired"
    # By an operator, with a reason, or because its recipient is gone.
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"

    @classmethod
    def _missing_(cls, value: object) -> "DeliveryState | None":
        return cls.PENDING if value == REJECTED else None

    @property
    def is_final(self) -> bool:
        """Whether no further attempt is made unless an operator asks for it."""
        return self is not DeliveryState.PENDING


class BreakerState(StrEnum):
    """Whether a recipient's endpoint is called (DLV-14)."""

    CLOSED = "closed"
    # Its deliveries wait without losing attempts, until `open_until`.
    OPEN = "open"
    # One worker tries it, with one delivery and then with some more.
    RECOVERING = "recovering"


class Delivery(EarlierColumns, Base):
    """One request owed to one recipient. The row is the truth; a message about it is only a wake-up.

    Data that only one kind needs is in `about`, which that kind alone reads and writes.
    """

    __tablename__ = "delivery"
    __table_args__ = (
        # DLV-01: for one cause each subject is owed once, however often it is requested.
        UniqueConstraint("logout_id", "subject_key"),
        # Without a cause, each subject is owed once per kind.
        Index(
            "ix_delivery_kind_subject_key",
            "kind",
            "subject_key",
            unique=True,
            sqlite_where=_UNCAUSED,
            postgresql_where=_UNCAUSED,
        ),
        Index(
            "ix_delivery_pending",
            "priority",
            "next_attempt_at",
            sqlite_where=_PENDING,
            postgresql_where=_PENDING,
        ),
        # Finds the first due delivery of each recipient without reading the others that wait (DLV-13).
        Index(
            "ix_delivery_recipient_pending",
            "kind",
            "client_id",
            "priority",
            "next_attempt_at",
            sqlite_where=_PENDING,
            postgresql_where=_PENDING,
        ),
        # Finds what waits for a recipient, of any kind. The previous release finds due deliveries by
        # it: there every recipient is a client (DLV-27).
        Index(
            "ix_delivery_client_id_pending",
            "client_id",
            "priority",
            "next_attempt_at",
            sqlite_where=_PENDING,
            postgresql_where=_PENDING,
        ),
        Index("ix_delivery_expiring", "expires_at", sqlite_where=_PENDING, postgresql_where=_PENDING),
        Index("ix_delivery_given_up", "state", sqlite_where=UNACCEPTED, postgresql_where=UNACCEPTED),
        Index(
            "ix_delivery_refusing", "client_id", sqlite_where=REFUSED_TWICE, postgresql_where=REFUSED_TWICE
        ),
        Index("ix_delivery_client_id_created_at", "client_id", "created_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    # Selects the code that makes the request and records its result.
    kind: Mapped[str] = mapped_column(String(32))
    # The logout that caused the delivery, if any. The column keeps its original name, which an older release
    # still reads.
    cause_id: Mapped[UUID | None] = mapped_column("logout_id", foreign_key("logout.id"), index=True)
    # The subject of the request, as the kind defines it: another subject is another delivery.
    subject_key: Mapped[str] = mapped_column(String(64))
    # The recipient, by an identifier that the kind owns. This column keeps its original name as well.
    recipient_id: Mapped[UUID] = mapped_column("client_id")
    # Everything else that the kind needs to make the request.
    about: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    state: Mapped[str] = mapped_column(String(16), default=DeliveryState.PENDING)
    # Logouts for security go first: 0 before 1.
    priority: Mapped[int] = mapped_column(default=1)
    attempt_count: Mapped[int] = mapped_column(default=0)
    # Attempts made before an operator resent the delivery: the schedule restarts from there.
    attempts_before_resend: Mapped[int] = mapped_column(default=0)
    # How many responses of the present schedule were refusals.
    refusals: Mapped[int] = mapped_column(default=0, server_default="0")
    # Consecutive attempts whose worker died before judging them, including the one under way.
    unfinished_attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    next_attempt_at: Mapped[datetime] = mapped_column(UTCDateTime)
    leased_until: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # The fencing token: only the holder of the latest lease may record the result (DLV-05).
    lease_token: Mapped[str | None] = mapped_column(String(64))
    last_outcome: Mapped[str | None] = mapped_column(String(32))
    last_status: Mapped[int | None] = mapped_column()
    last_url: Mapped[str | None] = mapped_column(Text)
    # Why it was cancelled, in the operator's words.
    cancel_reason: Mapped[str | None] = mapped_column(String(500))
    correlation_id: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    first_attempt_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # After this instant the notification has lost its meaning.
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime)

    @property
    def recipient(self) -> Recipient:
        """The recipient, with the kind that knows it."""
        return Recipient(self.kind, self.recipient_id)

    @property
    def is_refusing(self) -> bool:
        """Whether the recipient keeps answering, but not with success (DLV-11)."""
        is_pending = DeliveryState(self.state) is DeliveryState.PENDING
        return is_pending and self.refusals >= REFUSING_FROM and self.last_outcome in REFUSALS

    @property
    def shown_state(self) -> str:
        """The state as people and programs read it: `refusing` stands apart from `pending`."""
        return REFUSING if self.is_refusing else DeliveryState(self.state).value


class DeliveryAttempt(Base):
    """One HTTP request and its outcome; written before the request is sent, so a crash leaves its trace."""

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
    """The health of a recipient's endpoint; a row is made at its first failure (DLV-14, 15)."""

    __tablename__ = "endpoint_health"

    # The default is for the previous release, which knows only logouts and does not set the kind.
    kind: Mapped[str] = mapped_column(String(32), primary_key=True, server_default="backchannel_logout")
    recipient_id: Mapped[UUID] = mapped_column("client_id", primary_key=True)
    # The address that failed: a new address deserves a trial at once.
    url: Mapped[str | None] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(16), default=BreakerState.CLOSED)
    # While open: when the next trial is allowed. While recovering: until when the trial belongs to its
    # worker.
    open_until: Mapped[datetime | None] = mapped_column(UTCDateTime)
    holder: Mapped[str | None] = mapped_column(String(128))
    # How often the breaker has opened since the endpoint last worked; the wait doubles each time.
    trips: Mapped[int] = mapped_column(default=0)
    consecutive_failures: Mapped[int] = mapped_column(default=0)
    window_started_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    window_attempts: Mapped[int] = mapped_column(default=0)
    window_failures: Mapped[int] = mapped_column(default=0)
    # Refusals since the last success.
    refusals: Mapped[int] = mapped_column(default=0, server_default="0")
    # When evidence of life last opened a trial.
    trial_asked_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # Set by the first failure and cleared by the first success.
    failing_since: Mapped[datetime | None] = mapped_column(UTCDateTime, index=True)
    last_failed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    last_outcome: Mapped[str | None] = mapped_column(String(32))
    # Failing for so long that operators must know; never a reason to stop trying (DLV-15).
    degraded_since: Mapped[datetime | None] = mapped_column(UTCDateTime)
    told_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    @property
    def recipient(self) -> Recipient:
        """The recipient, with the kind that knows it."""
        return Recipient(self.kind, self.recipient_id)

    @property
    def is_failing(self) -> bool:
        """Whether nothing has been accepted since an attempt failed."""
        return self.failing_since is not None

    @property
    def is_refusing(self) -> bool:
        """Whether it keeps answering, but not with success (DLV-11)."""
        return self.refusals >= REFUSING_FROM and self.last_outcome in REFUSALS


class DeliveryWorker(Base):
    """A process that delivers, and when it was last seen: the living ones share the limits of DLV-13."""

    __tablename__ = "delivery_worker"

    name: Mapped[str] = mapped_column(String(128), primary_key=True)
    seen_at: Mapped[datetime] = mapped_column(UTCDateTime)
