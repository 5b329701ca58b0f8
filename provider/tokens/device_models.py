"""The table of device codes."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from provider.infrastructure.database import Base, UTCDateTime, foreign_key


class DeviceCode(Base):
    """A device that waits until a person has said whether it may sign in (rfc8628 §3.2).

    Two secrets lead to it: the device polls with one, and the person types the other.
    """

    __tablename__ = "device_code"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    # A keyed digest, because a code of eight letters could be guessed from a plain one.
    user_code_digest: Mapped[str] = mapped_column(String(64), unique=True)
    client_id: Mapped[UUID] = mapped_column(foreign_key("client.id"))
    client_epoch: Mapped[int] = mapped_column()
    scope: Mapped[str] = mapped_column(Text)
    # Further requirements of the request for its tokens, e.g. resources.
    request: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    # Where the request came from, in words for a person.
    device: Mapped[str] = mapped_column(String(128))
    ip: Mapped[str | None] = mapped_column(String(64))
    # Seconds between two polls; each poll that comes too early makes the interval longer for good.
    interval: Mapped[int] = mapped_column()
    next_poll_at: Mapped[datetime] = mapped_column(UTCDateTime)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
    # The person who answered, with their session and sign-in: an answer must not outlive that session.
    account_id: Mapped[UUID | None] = mapped_column(foreign_key("account.id"))
    session_id: Mapped[UUID | None] = mapped_column(foreign_key("session.id"))
    authenticated_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    amr: Mapped[str | None] = mapped_column(String(64))
    acr: Mapped[str | None] = mapped_column(String(255))
    allowed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    denied_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
