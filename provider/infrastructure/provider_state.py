"""One row that stands for the provider as a whole: its epoch and its watermark."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ColumnElement, and_, literal_column, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Mapped, mapped_column

from provider.infrastructure.database import Base, UTCDateTime
from provider.infrastructure.read_only_rows import find_one

THE_ROW = 1


class ProviderState(Base):
    """The provider's own epoch: a Session or Grant with an older number is revoked (design §4)."""

    __tablename__ = "provider_state"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, default=THE_ROW)
    epoch: Mapped[int] = mapped_column(default=0)
    issued_before_is_dead_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


# For joins. PostgreSQL keeps no statistics of so small a table: without this it would plan for thousands of
# rows, and choose the wrong indexes for the other tables.
IS_THE_ROW = ProviderState.id == literal_column(str(THE_ROW))
_EPOCH = select(ProviderState.epoch).where(IS_THE_ROW)


def read_epoch() -> int:
    """Return the provider's epoch as it is committed now."""
    row = find_one(_EPOCH, {})
    if row is None:
        raise LookupError("the provider's state has no row")
    return int(row[0])


def is_valid_for_all(
    epoch: InstrumentedAttribute[int], created_at: InstrumentedAttribute[datetime]
) -> ColumnElement[bool]:
    """The condition, on columns of a row and ProviderState, that no bulk logout of all users revoked it."""
    return and_(epoch == ProviderState.epoch, _issued_too_early(created_at).is_not(True))


def is_revoked_for_all(
    epoch: InstrumentedAttribute[int], created_at: InstrumentedAttribute[datetime]
) -> ColumnElement[bool]:
    """The condition that a bulk logout of all users has revoked a row; NULL if not and no instant is set."""
    return or_(epoch < ProviderState.epoch, _issued_too_early(created_at))


def _issued_too_early(created_at: InstrumentedAttribute[datetime]) -> ColumnElement[bool]:
    """The watermark: what was issued before an instant is revoked. NULL until an operator sets one."""
    return created_at < ProviderState.issued_before_is_dead_at
