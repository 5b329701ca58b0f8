"""The lineage of a database, and the place where its history was last known to be complete.

A backup carries the lineage of the database that it was taken from. PostgreSQL counts a timeline up with
each promotion and each recovery to a point in time, and each server has an identifier of its own, so a
change of either says that what was committed last may be missing.
"""

import secrets as chance
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Connection, String, Table, bindparam, insert, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Mapped, mapped_column

from provider.infrastructure import clock
from provider.infrastructure.database import Base, UTCDateTime
from provider.infrastructure.database_errors import is_unreachable

THE_ROW = 1
# Of a name like 0000000200000000000000A7 the first eight digits are the timeline.
_PLACE = text(
    "SELECT (SELECT system_identifier::text FROM pg_control_system()),"
    " CASE WHEN NOT pg_is_in_recovery() THEN left(pg_walfile_name(pg_current_wal_lsn()), 8) END"
)
_BEGIN = text(
    "INSERT INTO database_lineage (id, lineage_id, system_identifier, timeline, begun_at)"
    " VALUES (1, :lineage_id, :system_identifier, :timeline, :begun_at) ON CONFLICT DO NOTHING"
).bindparams(bindparam("begun_at", type_=UTCDateTime))


class DatabaseLineage(Base):
    """The one history that all rows belong to; `curfew db restored` begins another."""

    __tablename__ = "database_lineage"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, default=THE_ROW)
    lineage_id: Mapped[str] = mapped_column(String(32))
    # The lineage that this one has replaced.
    succeeds: Mapped[str | None] = mapped_column(String(32))
    # Its place when it was last known to be complete; unknown on SQLite and if the server does not say.
    system_identifier: Mapped[str | None] = mapped_column(String(32))
    timeline: Mapped[int | None] = mapped_column()
    begun_at: Mapped[datetime] = mapped_column(UTCDateTime)


@dataclass(frozen=True, slots=True)
class Place:
    """A PostgreSQL server's identifier and the timeline that it writes."""

    system_identifier: str
    timeline: int

    def __str__(self) -> str:
        return f"server {self.system_identifier}, timeline {self.timeline}"


@dataclass(frozen=True, slots=True)
class Lineage:
    """A database's lineage, the one it has replaced, and the place that was accepted for it."""

    lineage_id: str
    succeeds: str | None
    accepted: Place | None


def place_of(connection: Connection) -> Place | None:
    """Return where a database writes now; None if it does not say. Needs a connection in autocommit."""
    if connection.dialect.name == "sqlite":
        return None
    try:
        system_identifier, timeline = connection.execute(_PLACE).one()
    except DBAPIError as exc:
        # Some managed services do not permit these functions.
        if is_unreachable(exc):
            raise
        return None
    return Place(system_identifier, int(timeline, 16)) if timeline else None


def read(connection: Connection) -> Lineage | None:
    """Return a database's lineage; None for one that has not been looked at yet."""
    row = _row(connection)
    if row is None:
        return None
    known = None if row.system_identifier is None else Place(row.system_identifier, row.timeline)
    return Lineage(row.lineage_id, row.succeeds, known)


def begin(connection: Connection, place: Place | None) -> Lineage | None:
    """Begin the lineage of a database here, at this place, unless another process has just done so."""
    values = {
        "lineage_id": _new_id(),
        "system_identifier": place.system_identifier if place else None,
        "timeline": place.timeline if place else None,
        "begun_at": clock.now(),
    }
    connection.execute(_BEGIN, values)
    return read(connection)


def accept(connection: Connection, place: Place) -> None:
    """Accept a place as one at which nothing is missing."""
    _accept(connection, place)


def accept_first(connection: Connection, place: Place) -> None:
    """Accept a place as the first that is known of this lineage."""
    _accept(connection, place, _table.c.system_identifier.is_(None))


def succeed(connection: Connection, place: Place | None) -> str:
    """Replace the present lineage by another, in the open transaction; returns its name."""
    before = _row(connection)
    lineage_id = _new_id()
    values = {
        "lineage_id": lineage_id,
        "succeeds": before.lineage_id if before else None,
        "system_identifier": place.system_identifier if place else None,
        "timeline": place.timeline if place else None,
        "begun_at": clock.now(),
    }
    if before is None:
        connection.execute(insert(_table).values(id=THE_ROW, **values))
    else:
        connection.execute(update(_table).values(**values))
    return lineage_id


def _accept(connection: Connection, place: Place, *conditions: Any) -> None:
    taken = update(_table).where(*conditions)
    connection.execute(taken.values(system_identifier=place.system_identifier, timeline=place.timeline))


def _row(connection: Connection) -> Any:
    return connection.execute(select(_table)).one_or_none()


def _new_id() -> str:
    return chance.token_hex(16)


_table: Table = Base.metadata.tables["database_lineage"]
