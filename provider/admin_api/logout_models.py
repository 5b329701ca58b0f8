"""The forms of logouts in the admin API."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from provider.admin_api.delivery_models import AttemptView, DeliveryView
from provider.admin_api.inputs import Instant, Name, Page
from provider.logout.models import LogoutReason


class ListLogouts(Page, frozen=True, kw_only=True):
    """A filter of logouts."""

    person_id: UUID | None = None
    client_id: Annotated[str, Meta(max_length=255)] | None = None
    bulk_logout_id: UUID | None = None
    reason: LogoutReason | None = None
    by: Name | None = None
    since: Instant | None = None
    until: Instant | None = None


class LogoutView(msgspec.Struct, frozen=True, kw_only=True):
    """One logout."""

    id: UUID
    at: datetime
    reason: str
    scope: str
    person_id: UUID
    username: str
    initiator: str
    initiator_client_id: str | None
    actor_name: str | None
    actor_origin: str | None
    bulk_logout_id: UUID | None
    correlation_id: str | None
    sessions_ended: int
    client_sessions_ended: int
    grants_revoked: int
    grants_surviving: int
    notifications: int
    notification_states: dict[str, int]


class LogoutPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of logouts, newest first."""

    items: list[LogoutView]
    next: UUID | None


class EndedSession(msgspec.Struct, frozen=True, kw_only=True):
    """A session that ended, or that goes on without some of its apps."""

    id: UUID
    ended: bool
    device: str
    ip: str | None
    created_at: datetime


class TouchedGrant(msgspec.Struct, frozen=True, kw_only=True):
    """A grant of a logout."""

    id: UUID
    client_id: str
    scope: str
    offline: bool
    expires_at: datetime


class NotificationView(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery with its attempts."""

    delivery: DeliveryView
    attempts: list[AttemptView]


class NotifiedAppView(msgspec.Struct, frozen=True, kw_only=True):
    """One app of a logout; without notifications it has no address for them, or was not to be notified."""

    client_id: str
    state: str
    notifications: list[NotificationView]


class LogoutTree(msgspec.Struct, frozen=True, kw_only=True):
    """A logout with everything that belongs to it."""

    logout: LogoutView
    sessions: list[EndedSession]
    revoked_grants: list[TouchedGrant]
    surviving_grants: list[TouchedGrant]
    apps: list[NotifiedAppView]


class ReceiptView(msgspec.Struct, frozen=True, kw_only=True):
    """A signed receipt of a logout."""

    logout_id: UUID
    media_type: str
    jws: str
