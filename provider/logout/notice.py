"""The content of a logout's notification: the part of a delivery that only logouts have.

It is in the delivery's `about`, so that one statement is enough for the deliveries of a logout, however many
clients it has. Deliveries made by a process of the previous release hold the same data in separate columns.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self
from uuid import UUID

from sqlalchemy import ColumnElement, Uuid, and_, cast, func, select

from provider.delivery.models import Delivery
from provider.delivery.outbox import Owed
from provider.delivery.outgoing import LeasedDelivery
from provider.delivery.recipient import Recipient
from provider.infrastructure.database import db
from provider.infrastructure.many_rows import is_among

BACKCHANNEL_LOGOUT = "backchannel_logout"


def recipient_of(client_id: UUID) -> Recipient:
    """Return a client as the recipient of its notifications of logouts."""
    return Recipient(BACKCHANNEL_LOGOUT, client_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogoutNotice:
    """The person of a logout, and the `sub` and `sid` by which the client knows what has ended."""

    account_id: UUID
    # The central session of the client session; None for a grant without a session and for a lost session.
    session_id: UUID | None
    sub: str
    # None for a client that gets only `sub`.
    sid: str | None

    def owed_to(self, client_id: UUID, subject_key: str, *, meaningful_for: timedelta | None = None) -> Owed:
        """Return the request that is owed. `meaningful_for`: the lifetime of the client's own sessions."""
        return Owed(
            kind=BACKCHANNEL_LOGOUT,
            recipient_id=client_id,
            subject_key=subject_key,
            about=self._as_about(),
            meaningful_for=meaningful_for,
            earlier={
                "account_id": self.account_id,
                "session_id": self.session_id,
                "sub": self.sub,
                "sid": self.sid,
            },
        )

    def _as_about(self) -> dict[str, str | None]:
        # Identifiers in SQLite's form, which PostgreSQL can also read.
        return {
            "account_id": self.account_id.hex,
            "session_id": self.session_id.hex if self.session_id else None,
            "sub": self.sub,
            "sid": self.sid,
        }

    @classmethod
    def read(cls, about: Mapping[str, Any]) -> Self:
        """Return the notice in a delivery's `about`."""
        session_id = about["session_id"]
        return cls(
            account_id=UUID(about["account_id"]),
            session_id=UUID(session_id) if session_id else None,
            sub=about["sub"],
            sid=about["sid"],
        )


def _text(name: str, earlier: Any) -> ColumnElement[Any]:
    return func.coalesce(Delivery.about[name].as_string(), earlier)


def _id(name: str, earlier: Any) -> ColumnElement[Any]:
    return func.coalesce(cast(Delivery.about[name].as_string(), Uuid()), earlier)


# The same fields as SQL expressions, for statements about deliveries of this kind.
ACCOUNT_ID = _id("account_id", Delivery.account_id)
SESSION_ID = _id("session_id", Delivery.session_id)
SUB = _text("sub", Delivery.sub)
SID = _text("sid", Delivery.sid)


def is_of_logout(logout_id: object) -> ColumnElement[bool]:
    """Return whether a delivery notifies a client of this logout, given as an identifier or a column.

    Deliveries of another kind may have the same cause. Served by ix_delivery_logout_id.
    """
    return and_(Delivery.cause_id == logout_id, Delivery.kind == BACKCHANNEL_LOGOUT)


def of(delivery: Delivery) -> LogoutNotice | None:
    """Return the notice of a delivery; None for one of another kind."""
    if delivery.kind != BACKCHANNEL_LOGOUT:
        return None
    if delivery.about is not None:
        return LogoutNotice.read(delivery.about)
    if delivery.account_id is None or delivery.sub is None:
        raise ValueError(f"the delivery {delivery.id} does not say whose logout it tells of")
    return LogoutNotice(
        account_id=delivery.account_id,
        session_id=delivery.session_id,
        sub=delivery.sub,
        sid=delivery.sid,
    )


def of_leased(leased: Collection[LeasedDelivery]) -> dict[UUID, LogoutNotice]:
    """Return the notices of leased deliveries; those of the previous release are read from its columns."""
    notices = {one.id: LogoutNotice.read(one.about) for one in leased if one.about is not None}
    earlier = [one.id for one in leased if one.about is None]
    if earlier:
        rows = select(Delivery.id, ACCOUNT_ID, SESSION_ID, SUB, SID).where(is_among(Delivery.id, earlier))
        for key, account_id, session_id, sub, sid in db.session.execute(rows):
            notices[key] = LogoutNotice(account_id=account_id, session_id=session_id, sub=sub, sid=sid)
    return notices
