"""A row that is only written, to prove that the database takes writes."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Connection, bindparam, text
from sqlalchemy.orm import Mapped, mapped_column

from provider.infrastructure import clock
from provider.infrastructure.database import Base, UTCDateTime

_WRITE = text(
    "INSERT INTO write_probe (id, written_at) VALUES (1, :now)"
    " ON CONFLICT (id) DO UPDATE SET written_at = excluded.written_at"
).bindparams(bindparam("now", type_=UTCDateTime))


class WriteProbe(Base):
    """The instant of the last successful write to the database."""

    __tablename__ = "write_probe"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, default=1)
    written_at: Mapped[datetime] = mapped_column(UTCDateTime)


def write(connection: Connection) -> None:
    """Write the row and commit it: only the commit shows whether the database waits for a standby."""
    connection.execute(_WRITE, {"now": clock.now()})
    connection.commit()
