"""Ownership of objects by configurations, and when each configuration was last applied.

A mark stays when its object is removed by hand; it then names a row that no one finds any more.
"""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import String, delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from provider.infrastructure import acting, clock
from provider.infrastructure.database import Base, UTCDateTime, change, db

LONGEST_NAME = 64
# How many identifiers one statement names.
CHUNK = 500


class OwnedObject(Base):
    """An object that a configuration owns; `kind` is the type of the object."""

    __tablename__ = "owned_object"

    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    object_id: Mapped[UUID] = mapped_column(primary_key=True)
    configuration: Mapped[str] = mapped_column(String(LONGEST_NAME), index=True)


class AppliedConfiguration(Base):
    """A configuration that was applied; its row is locked while it is being applied."""

    __tablename__ = "applied_configuration"

    name: Mapped[str] = mapped_column(String(LONGEST_NAME), primary_key=True)
    plan_hash: Mapped[str] = mapped_column(String(64))
    applied_at: Mapped[datetime] = mapped_column(UTCDateTime)
    applied_by: Mapped[str | None] = mapped_column(String(255))


class AppliedMeanwhile(Exception):
    """Another process has applied the same configuration at the same time."""


def owners_of(kind: str, object_ids: Collection[UUID]) -> dict[UUID, str]:
    """Return the owners of those objects that have one."""
    found: dict[UUID, str] = {}
    listed = list(object_ids)
    for start in range(0, len(listed), CHUNK):
        named = select(OwnedObject.object_id, OwnedObject.configuration).where(
            OwnedObject.kind == kind, OwnedObject.object_id.in_(listed[start : start + CHUNK])
        )
        found |= {row[0]: row[1] for row in db.session.execute(named)}
    return found


def owner_of(kind: str, object_id: UUID) -> str | None:
    """Return the owner of an object, or None."""
    return owners_of(kind, [object_id]).get(object_id)


def list_owned(kind: str, configurations: Collection[str]) -> dict[UUID, str]:
    """Return the objects of a kind that these configurations own, with their owners."""
    owned = select(OwnedObject.object_id, OwnedObject.configuration).where(
        OwnedObject.kind == kind, OwnedObject.configuration.in_(list(configurations))
    )
    return {row[0]: row[1] for row in db.session.execute(owned.order_by(OwnedObject.object_id))}


def give(kind: str, object_id: UUID, configuration: str) -> None:
    """Give an object to a configuration. Raises AppliedMeanwhile if another gets it at the same time."""
    mine = (OwnedObject.kind == kind, OwnedObject.object_id == object_id)
    if change(update(OwnedObject).where(*mine).values(configuration=configuration)) == 1:
        return
    db.session.add(OwnedObject(kind=kind, object_id=object_id, configuration=configuration))
    _flush()


def release(kind: str, object_id: UUID) -> None:
    """Take the mark of an object away."""
    change(delete(OwnedObject).where(OwnedObject.kind == kind, OwnedObject.object_id == object_id))


def lock(name: str, plan_hash: str) -> None:
    """Lock a configuration until the commit, and note that this plan of it is applied.

    Of two concurrent processes the second waits for the first, and then sees its changes. Raises
    AppliedMeanwhile if both apply it for the first time.
    """
    operator = acting.operator()
    values = {
        "plan_hash": plan_hash,
        "applied_at": clock.now(),
        "applied_by": operator.name if operator else None,
    }
    known = update(AppliedConfiguration).where(AppliedConfiguration.name == name)
    if change(known.values(**values)) != 1:
        db.session.add(AppliedConfiguration(name=name, **values))
        _flush()


def _flush() -> None:
    try:
        db.session.flush()
    except IntegrityError as exc:
        raise AppliedMeanwhile("the same was applied by another process at the same time") from exc
