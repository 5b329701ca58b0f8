"""Responses that are kept for a while, so that a request that is sent again has no second effect.

A request is reserved before it is carried out; its response is kept in the transaction of the act. Of two
concurrent requests the second finds the reservation. A reservation whose process died expires after a minute.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, LargeBinary, String, delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from provider.infrastructure import clock, current
from provider.infrastructure.database import Base, UTCDateTime, change, db
from provider.infrastructure.opaque_tokens import new_id

KEPT = timedelta(hours=24)
_RESERVED_FOR = timedelta(minutes=1)
_LABEL = "repeated-request"


class RepeatedRequest(Base):
    """A request with a key of its sender's choice, and its response, which may hold a new secret."""

    __tablename__ = "repeated_request"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    # A digest of the caller, the address and the key.
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    # A digest of everything else that was sent: using the key for another request is an error.
    fingerprint: Mapped[str] = mapped_column(String(64))
    claimed_until: Mapped[datetime] = mapped_column(UTCDateTime)
    status: Mapped[int | None] = mapped_column()
    headers: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    sealed_body: Mapped[bytes | None] = mapped_column(LargeBinary)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptResponse:
    """A response as it was sent the first time."""

    status: int
    headers: dict[str, str]
    body: bytes = field(repr=False)


class InFlight(Exception):
    """The same request is being carried out right now."""


class OtherRequest(Exception):
    """The key was used for another request."""


def reserve(digest: str, fingerprint: str) -> UUID | KeptResponse:
    """Reserve a request, or return its response. Raises InFlight or OtherRequest.

    The caller has a transaction open, of its own for this.
    """
    now = clock.now()
    found = _find(digest)
    if found is None or found.expires_at <= now:
        return _reserve_anew(digest, fingerprint, now)
    if found.fingerprint != fingerprint:
        raise OtherRequest
    if found.status is not None:
        body = current.secret_box().decrypt(_LABEL, found.sealed_body or b"", bound_to=str(found.id))
        return KeptResponse(status=found.status, headers=found.headers or {}, body=body)
    free = update(RepeatedRequest).where(
        RepeatedRequest.id == found.id, RepeatedRequest.status.is_(None), RepeatedRequest.claimed_until <= now
    )
    if change(free.values(claimed_until=now + _RESERVED_FOR)) != 1:
        raise InFlight
    return found.id


def keep(reserved: UUID, response: KeptResponse) -> None:
    """Keep the response of a reserved request, in the transaction of its act. Raises InFlight.

    If a process took longer than its reservation, another one may have taken over; the act must not happen
    twice.
    """
    sealed = current.secret_box().encrypt(_LABEL, response.body, bound_to=str(reserved))
    mine = update(RepeatedRequest).where(
        RepeatedRequest.id == reserved,
        RepeatedRequest.status.is_(None),
        RepeatedRequest.claimed_until > clock.now(),
    )
    if change(mine.values(status=response.status, headers=response.headers, sealed_body=sealed)) != 1:
        raise InFlight


def release(reserved: UUID) -> None:
    """Forget a reservation whose request was refused, so that it may be sent again."""
    without_response = RepeatedRequest.status.is_(None)
    change(delete(RepeatedRequest).where(RepeatedRequest.id == reserved, without_response))


def _reserve_anew(digest: str, fingerprint: str, now: datetime) -> UUID:
    # An expired one, which the worker has not deleted yet, makes room.
    is_over = RepeatedRequest.expires_at <= now
    change(delete(RepeatedRequest).where(RepeatedRequest.digest == digest, is_over))
    row = RepeatedRequest(
        id=new_id(),
        digest=digest,
        fingerprint=fingerprint,
        claimed_until=now + _RESERVED_FOR,
        expires_at=now + KEPT,
    )
    db.session.add(row)
    try:
        db.session.flush()
    except IntegrityError as exc:
        raise InFlight from exc
    return row.id


def _find(digest: str) -> RepeatedRequest | None:
    named = select(RepeatedRequest).where(RepeatedRequest.digest == digest)
    return db.session.scalars(named, execution_options={"populate_existing": True}).one_or_none()
