"""The last refusals of each client, so that its operator can see what to change.

Anyone can cause refusals in a client's name: repetitions are counted in one row, a client has only a few
rows of each kind, and the caller limits how often one is written.
"""

import hashlib
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, String, Text, UniqueConstraint, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from provider.clients.models import Client
from provider.infrastructure import clock
from provider.infrastructure.database import Base, UTCDateTime, change, db, foreign_key, is_sqlite
from provider.infrastructure.opaque_tokens import new_id
from provider.protocol.refusal import Refusal

MOST_OF_A_KIND = 5
KEPT_FOR = timedelta(days=30)


class ClientProblem(Base):
    """One reason for which requests of a client were refused, how often, and when last."""

    __tablename__ = "client_problem"
    __table_args__ = (UniqueConstraint("client_id", "digest"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[UUID] = mapped_column(foreign_key("client.id"))
    # Over the fields by which two refusals count as the same.
    digest: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(32))
    cause: Mapped[str] = mapped_column(String(32))
    sentence: Mapped[str] = mapped_column(Text)
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)
    # How many were stored; those beyond the limit are only in the log.
    count: Mapped[int]
    # The address from which the last one came.
    ip: Mapped[str | None] = mapped_column(String(64))
    first_at: Mapped[datetime] = mapped_column(UTCDateTime)
    last_at: Mapped[datetime] = mapped_column(UTCDateTime)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)


def keep(client_pk: UUID, refusal: Refusal, *, ip: str | None) -> None:
    """Store a refusal: count it if the same one is stored, or let it replace the oldest of its kind.

    One statement counts or inserts, so that of two concurrent refusals none is lost.
    """
    now, insert = clock.now(), sqlite.insert if is_sqlite() else postgresql.insert
    seen = {"last_at": now, "expires_at": now + KEPT_FOR, "ip": ip}
    row = insert(ClientProblem).values(
        id=new_id(),
        client_id=client_pk,
        digest=_digest(refusal),
        kind=refusal.kind.value,
        cause=refusal.cause.value,
        sentence=refusal.sentence,
        facts=dict(refusal.facts),
        count=1,
        first_at=now,
        **seen,
    )
    db.session.execute(
        row.on_conflict_do_update(
            index_elements=[ClientProblem.client_id, ClientProblem.digest],
            set_=seen | {"count": ClientProblem.count + 1},
        )
    )
    _forget_oldest(client_pk, refusal)


def list_problems(client: Client) -> list[ClientProblem]:
    """Return the refusals of a client, newest first. Served by the unique client_id and digest."""
    of_client = select(ClientProblem).where(ClientProblem.client_id == client.id)
    return list(db.session.scalars(of_client.order_by(ClientProblem.last_at.desc(), ClientProblem.id)))


def _forget_oldest(client_pk: UUID, refusal: Refusal) -> None:
    alike = select(ClientProblem.id).where(
        ClientProblem.client_id == client_pk, ClientProblem.kind == refusal.kind.value
    )
    newest = alike.order_by(ClientProblem.last_at.desc(), ClientProblem.id.desc())
    beyond = list(db.session.scalars(newest.offset(MOST_OF_A_KIND).limit(MOST_OF_A_KIND)))
    if beyond:
        change(delete(ClientProblem).where(ClientProblem.id.in_(beyond)))


def _digest(refusal: Refusal) -> str:
    parts = (refusal.kind.value, refusal.cause.value, refusal.sentence, *sorted(refusal.facts.items()))
    return hashlib.sha256(repr(parts).encode()).hexdigest()
