"""The tables of logouts and bulk logouts."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from provider.infrastructure.acting import Operator
from provider.infrastructure.database import Base, UTCDateTime, foreign_key


class LogoutReason(StrEnum):
    """Why something ended."""

    RP_INITIATED = "rp_initiated"
    USER = "user"
    ADMIN = "admin"
    IDLE_TIMEOUT = "idle_timeout"
    ABSOLUTE_TIMEOUT = "absolute_timeout"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 – the name of a cause, no password.
    PASSWORD_RESET = "password_reset"  # noqa: S105 – the name of a cause, no password.
    ACCOUNT_DISABLED = "account_disabled"
    ACCOUNT_DELETED = "account_deleted"
    SESSION_REPLACED = "session_replaced"
    REFRESH_REPLAY = "refresh_replay"
    CODE_REPLAY = "code_replay"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    SESSION_LIMIT = "session_limit"
    # Global Token Revocation: an upstream has requested it.
    UPSTREAM = "global_token_revocation"
    # A proven ID Token names a session that the database has lost.
    UNKNOWN_SESSION = "unknown_session"


class LogoutScope(StrEnum):
    """The reach of a logout: one of the three verbs, or all but the browser in use (design §3)."""

    APP = "app"
    BROWSER = "browser"
    EVERYWHERE = "everywhere"
    # Everywhere but in the browser that the person is using.
    OTHERS = "others"


class BulkKind(StrEnum):
    """The scope of a bulk logout."""

    # The sessions and grants of all people.
    ALL = "all"
    # The client sessions of one client, with its grants.
    CLIENT = "client"
    # Sessions and grants begun before an instant.
    ISSUED_BEFORE = "issued_before"
    # The offline grants of a client that may no longer have any.
    CLIENT_OFFLINE = "client_offline"


class BulkPhase(StrEnum):
    """The phases of a bulk logout's walk: sessions first, then grants on their own."""

    SESSIONS = "sessions"
    GRANTS = "grants"


class BulkLogout(Base):
    """The end of many sessions at once: one watermark, then the rows and notifications in paced batches."""

    __tablename__ = "mass_ending"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(UTCDateTime)
    kind: Mapped[str] = mapped_column(String(16))
    client_id: Mapped[UUID | None] = mapped_column(foreign_key("client.id"))
    issued_before: Mapped[datetime | None] = mapped_column(UTCDateTime)
    initiator: Mapped[str] = mapped_column(String(16))
    # The operator who began it, with host and terminal.
    actor_name: Mapped[str | None] = mapped_column(String(255))
    actor_origin: Mapped[str | None] = mapped_column(String(255))
    # How many rows there were when it began, and how many have been ended since.
    total: Mapped[int] = mapped_column(default=0)
    done: Mapped[int] = mapped_column(default=0)
    # The phase, and the last row that the walk has passed; after a crash it continues with the next one.
    phase: Mapped[str] = mapped_column(String(16), default=BulkPhase.SESSIONS)
    cursor: Mapped[UUID | None] = mapped_column()
    correlation_id: Mapped[str | None] = mapped_column(String(64))
    finished_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # While it is stopped it ends no rows; everything that it revoked stays revoked.
    stopped_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # The limit of notifications per second; without a value the setting applies.
    pace: Mapped[int | None] = mapped_column()
    # No process ends another row before this instant, because the pace is used up until then.
    paced_until: Mapped[datetime | None] = mapped_column(UTCDateTime)

    @property
    def is_running(self) -> bool:
        """Whether rows remain to be ended and no operator has stopped it."""
        return self.finished_at is None and self.stopped_at is None

    @property
    def operator(self) -> Operator | None:
        """The operator who began it, if known."""
        return Operator(self.actor_name, self.actor_origin) if self.actor_name else None


class Logout(Base):
    """One logout. Its sessions, client sessions, grants and deliveries carry its id."""

    __tablename__ = "logout"
    __table_args__ = (
        Index("ix_logout_account_id_at", "account_id", "at"),
        Index("ix_logout_at", "at"),
        Index("ix_logout_reason_at", "reason", "at"),
        # Partial, because few logouts have an operator.
        Index(
            "ix_logout_actor_name_at",
            "actor_name",
            "at",
            sqlite_where=text("actor_name IS NOT NULL"),
            postgresql_where=text("actor_name IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(UTCDateTime)
    reason: Mapped[str] = mapped_column(String(32))
    scope: Mapped[str] = mapped_column(String(16))
    account_id: Mapped[UUID] = mapped_column(foreign_key("account.id"))
    # The initiator: a client, the person, an admin or the system.
    initiator: Mapped[str] = mapped_column(String(16))
    # The operator's name behind `admin`, and the origin: host and terminal, or a request's address.
    actor_name: Mapped[str | None] = mapped_column(String(255))
    actor_origin: Mapped[str | None] = mapped_column(String(255))
    # The bulk logout that it is part of.
    # Column and table keep their original names, which an older release still reads.
    bulk_logout_id: Mapped[UUID | None] = mapped_column("mass_ending_id")
    initiator_client_id: Mapped[str | None] = mapped_column(String(255))
    # The session in which the person asked for it on one of our own pages; it may continue.
    asked_in_session_id: Mapped[UUID | None] = mapped_column()
    # The digest of the handle that opens the result page; the handle is not stored.
    result_digest: Mapped[str | None] = mapped_column(String(64), unique=True)
    sessions_ended: Mapped[int] = mapped_column(default=0)
    client_sessions_ended: Mapped[int] = mapped_column(default=0)
    grants_revoked: Mapped[int] = mapped_column(default=0)
    grants_surviving: Mapped[int] = mapped_column(default=0)
    # How many deliveries it owes. The column keeps its original name, which an older release still reads.
    notifications: Mapped[int] = mapped_column("apps_told", default=0)
    correlation_id: Mapped[str | None] = mapped_column(String(64))
