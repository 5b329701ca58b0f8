"""Columns of the `delivery` table that only logouts use, kept for the previous release.

During an upgrade, workers of both releases send each other's deliveries. So these columns are filled in along
with `about` until the previous release is gone; the release after the next one drops them (DLV-27).
"""

from uuid import UUID

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from provider.infrastructure.database import foreign_key


class EarlierColumns:
    """The subject of a logout's delivery, as the previous release keeps it; empty for every other kind."""

    account_id: Mapped[UUID | None] = mapped_column(foreign_key("account.id"))
    session_id: Mapped[UUID | None] = mapped_column(foreign_key("session.id"))
    sub: Mapped[str | None] = mapped_column(String(255))
    sid: Mapped[str | None] = mapped_column(String(64))
