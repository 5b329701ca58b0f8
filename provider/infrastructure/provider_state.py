"""One row that stands for the provider as a whole: its epoch, and what was decided once for all."""

from datetime import datetime

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from provider.infrastructure.database import Base, UTCDateTime

THE_ROW = 1


class ProviderState(Base):
    """The provider's own epoch: an older number in a Session or Grant is dead (design §4)."""

    __tablename__ = "provider_state"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, default=THE_ROW)
    epoch: Mapped[int] = mapped_column(default=0)
    issued_before_is_dead_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
