"""The content of a logout's receipt, for signing and for reading.

People appear only by identifiers: no names, addresses or devices; an operator appears only as `admin`.
"""

from datetime import datetime
from uuid import UUID

from msgspec import Struct

VERSION = 1
CLAIM = "logout_receipt"
MEDIA_TYPE = "application/vnd.curfew.logout-receipt+jwt"
# Enough for a logout of thousands of client sessions; a larger document is not parsed.
LARGEST = 8 * 1024 * 1024


class EndedClientSession(Struct, frozen=True, kw_only=True):
    """An app's part of a session, with the `sid` by which the app knows it."""

    id: UUID
    client_id: str
    session_id: UUID
    sid: str


class RevokedGrant(Struct, frozen=True, kw_only=True):
    """A permission for an app that was revoked."""

    id: UUID
    client_id: str
    offline: bool


class Ended(Struct, frozen=True, kw_only=True):
    """Everything that ended."""

    sessions: list[UUID]
    client_sessions: list[EndedClientSession]
    grants: list[RevokedGrant]


class SurvivingSession(Struct, frozen=True, kw_only=True):
    """A session that continued: the logout ended only an app in it, or only the person's other browsers."""

    id: UUID
    why: str


class SurvivingGrant(Struct, frozen=True, kw_only=True):
    """A grant that stayed valid although its app was signed out."""

    id: UUID
    client_id: str
    why: str
    expires_at: datetime


class Survived(Struct, frozen=True, kw_only=True):
    """The sessions and grants that the logout affected but did not end."""

    sessions: list[SurvivingSession]
    grants: list[SurvivingGrant]


class App(Struct, frozen=True, kw_only=True):
    """One app: `state` is a verdict of `why_not_notified`, `jti` names the token that it accepted."""

    client_id: str
    state: str
    session_id: UUID | None = None
    sid: str | None = None
    grant_id: UUID | None = None
    delivery_id: UUID | None = None
    accepted_at: datetime | None = None
    jti: str | None = None
    attempts: int = 0
    last_outcome: str | None = None
    next_attempt_at: datetime | None = None


class AuditPlace(Struct, frozen=True, kw_only=True):
    """The audit entry of the logout; it has a number and a proof once it is linked into the chain."""

    id: UUID
    seq: int | None
    chain: str | None


class Content(Struct, frozen=True, kw_only=True):
    """The whole content of a receipt."""

    version: int
    as_of: datetime
    # Whether every notification is finished.
    is_final: bool
    logout_id: UUID
    at: datetime
    account_id: UUID
    # Who did it: the person (`account`), an app (`client`), an operator (`admin`) or the provider (`system`).
    actor: str
    client_id: str | None
    # How far it reached: `app`, `browser`, `others` or `everywhere`.
    verb: str
    reason: str
    bulk_logout_id: UUID | None
    audit: AuditPlace | None
    ended: Ended
    survived: Survived
    apps: list[App]
