"""The steps that every logout shares once it is known what ends: record, deliveries and audit entry."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Update, bindparam, update

from provider.audit.record import Actor, record
from provider.audit.tags import EventTag
from provider.clients.models import Client
from provider.delivery import outbox
from provider.delivery.outbox import Owed, Owing
from provider.grants.models import Grant
from provider.infrastructure import acting, built_once, clock, current, event_log, metrics
from provider.infrastructure.acting import Operator
from provider.infrastructure.database import after_commit, connection, is_sqlite
from provider.infrastructure.follow_up import FollowUp
from provider.infrastructure.many_rows import given_ids, is_given
from provider.infrastructure.one_row import insert_row
from provider.infrastructure.opaque_tokens import digest_of, new_handle, new_id
from provider.logout import fanout
from provider.logout.models import Logout, LogoutReason, LogoutScope
from provider.logout.participants import Participant
from provider.sessions import lifecycle
from provider.sessions.models import ClientSession


@dataclass(frozen=True, kw_only=True)
class Cause:
    """Why something ends and who asked for it."""

    reason: LogoutReason
    initiator: Actor
    client: Client | None = None
    # The operator behind `admin`: the one who runs the command, or who began the logout that it continues.
    by: Operator | None = field(default_factory=acting.operator)
    ip: str | None = None
    # The bulk logout that this one is part of.
    bulk_logout_id: UUID | None = None
    # The session in which the person asked for the logout; for the result page.
    asked_in: UUID | None = None
    # Part of a bulk logout: its deliveries come after those that a person waits for, and wake no worker.
    in_bulk: bool = False
    # The address of the result page where the caller can derive it again for a repeated request.
    result_handle: str | None = field(default=None, repr=False)

    @property
    def operator(self) -> Operator | None:
        """The operator, if an operator did it."""
        return self.by if self.initiator == "admin" else None

    @property
    def origin(self) -> str | None:
        """Where the request came from, if that is known."""
        return self.operator.origin if self.operator else self.ip or acting.address()


@dataclass(frozen=True, kw_only=True)
class LogoutOutcome:
    """The outcome of a logout."""

    logout: Logout
    result_handle: str
    # The deliveries owed, and the distinct apps that they go to; their results are known later.
    notifications: int = 0
    clients_to_notify: frozenset[UUID] = frozenset()
    # Whether a worker was woken to send them; known after the commit.
    wake_up: FollowUp[bool]
    survivors: list[Participant] = field(default_factory=list)

    @property
    def is_worker_woken(self) -> bool:
        """Whether a worker sends the notifications now, not at its next sweep. Valid after the commit."""
        return bool(self.wake_up.result())

    @property
    def apps_to_notify(self) -> int:
        """The number of distinct apps to notify."""
        return len(self.clients_to_notify)


@dataclass(frozen=True, kw_only=True)
class LogoutDraft:
    """A logout in the making: its identifier and instant, given before any row names them."""

    cause: Cause
    scope: LogoutScope
    account_id: UUID
    # The session that ends or that a client leaves; None for a wider logout.
    session_id: UUID | None = None
    logout_id: UUID = field(default_factory=new_id)
    at: datetime = field(default_factory=clock.now)

    def values(self, extent: "Extent", result_digest: str) -> dict[str, Any]:
        """Return the record of this logout: who, why and when, and what it ended."""
        cause = self.cause
        return {
            "id": self.logout_id,
            "at": self.at,
            "reason": cause.reason,
            "scope": self.scope,
            "account_id": self.account_id,
            "initiator": cause.initiator,
            "actor_name": cause.operator.name if cause.operator else None,
            "actor_origin": cause.origin,
            "bulk_logout_id": cause.bulk_logout_id,
            "initiator_client_id": cause.client.client_id if cause.client else None,
            "asked_in_session_id": cause.asked_in,
            "correlation_id": event_log.correlation_id() or None,
            "result_digest": result_digest,
            "sessions_ended": extent.sessions_ended,
            "client_sessions_ended": extent.client_sessions_ended,
            "grants_revoked": extent.grants_revoked,
            "grants_surviving": extent.grants_surviving,
            "notifications": extent.notifications,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """The number of rows that a logout ended, and of notifications that it owes."""

    sessions_ended: int
    client_sessions_ended: int
    grants_revoked: int
    grants_surviving: int
    notifications: int


def end_client_sessions(draft: LogoutDraft, participants: Sequence[Participant]) -> int:
    """End the client sessions; returns how many this logout ended."""
    ids = [participant.client_session.id for participant in participants if participant.client_session]
    if not ids:
        return 0
    values = {**given_ids(ids), "at": draft.at, "logout": draft.logout_id}
    return built_once.change(connection(), _end_client_sessions(sqlite=is_sqlite()), values)


@cache
def _end_client_sessions(*, sqlite: bool) -> Update:
    return (
        update(ClientSession)
        .where(is_given(ClientSession.id, sqlite=sqlite), ClientSession.ended_at.is_(None))
        .values(ended_at=bindparam("at"), logout_id=bindparam("logout"))
    )


def end_devices(draft: LogoutDraft, participants: Sequence[Participant]) -> int:
    """End the sessions of devices whose only client leaves; they would be useless."""
    ids = [
        participant.client_session.session_id
        for participant in participants
        if participant.client_session and participant.is_device
    ]
    return sum(lifecycle.end(session_id, logout_id=draft.logout_id, at=draft.at) for session_id in ids)


def revoke_grants(draft: LogoutDraft, participants: Sequence[Participant]) -> int:
    """Revoke the grants; everything issued under them is rejected from the commit on.

    Returns how many were valid. Expired ones are revoked too, because another host's clock may be behind.
    """
    if not participants:
        return 0
    values = {
        **given_ids(participant.grant.id for participant in participants),
        "at": draft.at,
        "logout": draft.logout_id,
    }
    revoked = built_once.fetch(connection(), _revoke_grants(sqlite=is_sqlite()), values)
    return sum(expires_at > draft.at for (expires_at,) in revoked)


@cache
def _revoke_grants(*, sqlite: bool) -> Update:
    return (
        update(Grant)
        .where(is_given(Grant.id, sqlite=sqlite), Grant.revoked_at.is_(None))
        .values(revoked_at=bindparam("at"), logout_id=bindparam("logout"))
        .returning(Grant.expires_at)
    )


def conclude(
    draft: LogoutDraft,
    participants: Sequence[Participant],
    *,
    sessions_ended: int,
    client_sessions_ended: int,
    grants_revoked: int,
    survivors: list[Participant],
    more_owed: Sequence[Owed] = (),
) -> LogoutOutcome:
    """Write the Logout and a delivery for every client concerned, and wake the workers after the commit."""
    owed = [*fanout.plan(participants, draft.cause.reason), *more_owed]
    result_handle = draft.cause.result_handle or new_handle()
    extent = Extent(
        sessions_ended=sessions_ended,
        client_sessions_ended=client_sessions_ended,
        grants_revoked=grants_revoked,
        grants_surviving=len(survivors),
        notifications=len(owed),
    )
    logout = insert_row(Logout, draft.values(extent, digest_of(result_handle)))
    priority = fanout.priority_of(draft.cause.reason, draft.scope, in_bulk=draft.cause.in_bulk)
    outbox.enqueue(
        (Owing(one, logout.id, priority) for one in owed),
        at=draft.at,
        horizon=current.settings().delivery_horizon,
    )
    is_awaited = bool(owed) and not draft.cause.in_bulk
    outcome = LogoutOutcome(
        logout=logout,
        result_handle=result_handle,
        notifications=len(owed),
        clients_to_notify=frozenset(one.recipient_id for one in owed),
        wake_up=after_commit(lambda: is_awaited and current.services().wake_ups.send(str(logout.id))),
        survivors=survivors,
    )
    record(EventTag.LOGOUT, **facts_of(draft, extent, owed))
    after_commit(lambda: announce(draft, extent, owed))
    return outcome


def facts_of(draft: LogoutDraft, extent: Extent, owed: Sequence[Owed]) -> dict[str, Any]:
    """Return the fields of a logout's audit entry."""
    cause = draft.cause
    return {
        "actor": cause.initiator,
        "by": cause.operator,
        "account_id": draft.account_id,
        "client_id": cause.client.client_id if cause.client else None,
        "session_id": draft.session_id,
        "logout_id": draft.logout_id,
        "ip": cause.ip,
        "reason": cause.reason,
        "scope": draft.scope,
        "sessions_ended": extent.sessions_ended,
        "client_sessions_ended": extent.client_sessions_ended,
        "grants_revoked": extent.grants_revoked,
        "grants_surviving": extent.grants_surviving,
        "apps_to_notify": _count_apps(owed),
        "notifications": extent.notifications,
    }


def announce(draft: LogoutDraft, extent: Extent, owed: Sequence[Owed]) -> None:
    """Count and log a logout that is committed."""
    cause = draft.cause
    metrics.LOGOUTS.labels(cause.reason, draft.scope).inc()
    event_log.info(
        "logout",
        logout_id=draft.logout_id,
        reason=cause.reason,
        scope=draft.scope,
        account_id=draft.account_id,
        initiator=cause.initiator,
        actor_name=cause.operator.name if cause.operator else None,
        initiator_client_id=cause.client.client_id if cause.client else None,
        sessions_ended=extent.sessions_ended,
        grants_revoked=extent.grants_revoked,
        grants_surviving=extent.grants_surviving,
        apps_to_notify=_count_apps(owed),
        notifications=extent.notifications,
    )


def _count_apps(owed: Sequence[Owed]) -> int:
    return len({one.recipient_id for one in owed})
