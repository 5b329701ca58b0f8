"""Walk a table by its identifiers, a batch at a time, so that no read is long."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, select, true

from provider.delivery.models import Delivery
from provider.grants.models import Grant
from provider.infrastructure.database import db, reading
from provider.logout.models import Logout
from provider.sessions.models import ClientSession, Session
from provider.tokens.models import AccessToken, RefreshToken

Walked = type[Session | ClientSession | Grant | Logout | Delivery | AccessToken | RefreshToken]


@dataclass(frozen=True, slots=True)
class Batch:
    """The rows after one identifier up to another, and their number; None means no bound."""

    after: UUID | None
    through: UUID | None
    count: int


def batches(table: Walked, size: int) -> Iterator[Batch]:
    """Yield the batches of a table; the last one has no upper bound."""
    batch = _next_batch(table, size, None)
    while batch.through is not None:
        yield batch
        batch = _next_batch(table, size, batch.through)
    yield batch


def _next_batch(table: Walked, size: int, after: UUID | None) -> Batch:
    ids = select(table.id).where(between(table, after, None)).order_by(table.id)
    with reading():
        through = db.session.scalar(ids.offset(size - 1).limit(1))
        if through is not None:
            return Batch(after, through, size)
        left = db.session.scalar(select(func.count()).select_from(ids.limit(size).subquery()))
    return Batch(after, None, left or 0)


def between(table: Walked, after: UUID | None, through: UUID | None) -> ColumnElement[bool]:
    """The condition that a row is after one identifier and not after the other."""
    bounds: list[Any] = [true()]
    if after is not None:
        bounds.append(table.id > after)
    if through is not None:
        bounds.append(table.id <= through)
    return and_(*bounds)
