"""The tables of sessions and client sessions."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from provider.infrastructure.database import Base, UTCDateTime, foreign_key


class Session(Base):
    """The central session of one browser. The cookie holds a handle; only its digest is stored here.

    A device that signed in by a code also has a session, with a single client and no cookie.
    """

    __tablename__ = "session"
    __table_args__ = (
        Index("ix_session_account_id_id", "account_id", "id"),
        # For the expiry duty: live sessions by the instant of their end.
        Index(
            "ix_session_ends_at_living",
            "ends_at",
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    handle_digest: Mapped[str] = mapped_column(String(64), unique=True)
    account_id: Mapped[UUID] = mapped_column(foreign_key("account.id"))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    authenticated_at: Mapped[datetime] = mapped_column(UTCDateTime)
    # RFC 8176 names of how the person signed in, separated by spaces.
    amr: Mapped[str] = mapped_column(String(64), default="pwd")
    acr: Mapped[str | None] = mapped_column(String(255))
    last_seen_at: Mapped[datetime] = mapped_column(UTCDateTime)
    # Absolute end, which activity does not move.
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime)
    # The next end by idleness or by absolute lifetime, whichever comes first.
    ends_at: Mapped[datetime] = mapped_column(UTCDateTime)
    device: Mapped[str] = mapped_column(String(128), default="")
    # Whether this is the session of a device without a browser (rfc8628); it ends with its only client
    # session.
    is_device: Mapped[bool] = mapped_column(default=False)
    ip: Mapped[str | None] = mapped_column(String(64))
    account_epoch: Mapped[int] = mapped_column()
    provider_epoch: Mapped[int] = mapped_column()
    # Incremented in all sessions of a person who takes back consent: earlier decisions are void.
    consent_epoch: Mapped[int] = mapped_column(default=0)
    ended_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    logout_id: Mapped[UUID | None] = mapped_column(foreign_key("logout.id"), index=True)

    @property
    def consent_state(self) -> str:
        """The state of the person's consent; a decision made under another state is outdated."""
        return f"{self.id} {self.consent_epoch}"

    @property
    def sign_in(self) -> str:
        """Identifies the latest sign-in in this session: each sign-in gives the cookie another handle."""
        return self.handle_digest

    def is_live(self, now: datetime) -> bool:
        """Return whether the session itself has neither ended nor expired; epochs are compared in queries."""
        return self.ended_at is None and now < self.ends_at


class ClientSession(Base):
    """A Session as one client knows it, by its sid (backchannel §2.3)."""

    __tablename__ = "client_session"
    __table_args__ = (
        # A client has at most one live client session in a session; after it has ended, the next one has a
        # new sid.
        Index(
            "uq_client_session_living",
            "session_id",
            "client_id",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        # For a client's bulk logout, which walks through its client sessions.
        Index(
            "ix_client_session_client_id_living",
            "client_id",
            "id",
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        # For the logouts of a client.
        Index(
            "ix_client_session_client_id_logout_id",
            "client_id",
            "logout_id",
            sqlite_where=text("logout_id IS NOT NULL"),
            postgresql_where=text("logout_id IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    sid: Mapped[str] = mapped_column(String(64), unique=True)
    session_id: Mapped[UUID] = mapped_column(foreign_key("session.id"), index=True)
    client_id: Mapped[UUID] = mapped_column(foreign_key("client.id"))
    grant_id: Mapped[UUID] = mapped_column(foreign_key("grant.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    last_used_at: Mapped[datetime] = mapped_column(UTCDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    logout_id: Mapped[UUID | None] = mapped_column(foreign_key("logout.id"), index=True)

    @property
    def is_live(self) -> bool:
        """Whether the client session itself has not ended; the session's own state is not considered."""
        return self.ended_at is None
