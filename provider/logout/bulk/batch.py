"""Ends many sessions of a bulk logout in one transaction: each statement is about all of them.

What is written of each session is the same as when it ends alone: record, deliveries and audit entry.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import takewhile
from typing import Any
from uuid import UUID

from sqlalchemy import Table

from provider.audit.record import entry, record_many
from provider.audit.tags import EventTag
from provider.delivery.outbox import Owed, Owing, enqueue_many
from provider.infrastructure import clock, current
from provider.infrastructure.database import Base, after_commit
from provider.infrastructure.many_rows import insert_many, update_many
from provider.infrastructure.opaque_tokens import digest_of, new_handle
from provider.logout import fanout
from provider.logout.ending import Cause, Ending, announce, facts_of
from provider.logout.expiry import list_invalid, revokes_offline
from provider.logout.models import Logout, LogoutScope
from provider.logout.participants import Participant, lock_of_sessions
from provider.sessions.models import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What came of a batch: how many of its rows were passed, and what that ended and owes."""

    passed: int
    sessions: int
    notifications: int


@dataclass(frozen=True, slots=True)
class _Leave:
    """One session with what ends by its logout."""

    ending: Ending
    logout: Logout
    participants: Sequence[Participant]
    revoked: Mapping[UUID, Participant]
    owed: Sequence[Owed]


def end_sessions(session_ids: Sequence[UUID]) -> Ended:
    """End sessions in this order, up to the first that another transaction has locked."""
    locked = {session.id: (session, cause) for session, cause in list_invalid(session_ids)}
    passed = [locked[one] for one in takewhile(locked.__contains__, session_ids)]
    invalid = [(session, cause) for session, cause in passed if cause is not None]
    participants = lock_of_sessions([session.id for session, _ in invalid]) if invalid else {}
    at = clock.now()
    left = [_leave(session, cause, participants.get(session.id, ()), at) for session, cause in invalid]
    if left:
        _write(left, at)
    return Ended(
        passed=len(passed),
        sessions=len(left),
        notifications=sum(len(one.owed) for one in left),
    )


def _leave(session: Session, cause: Cause, participants: Sequence[Participant], at: datetime) -> _Leave:
    ending = Ending(
        cause=cause, scope=LogoutScope.BROWSER, account_id=session.account_id, session_id=session.id, at=at
    )
    survivors = [] if revokes_offline(cause) else [one for one in participants if one.survives_browser]
    revoked = {
        one.grant.id: one for one in participants if one not in survivors and one.grant.revoked_at is None
    }
    owed = fanout.plan(participants, cause.reason)
    logout = ending.as_logout(
        result_digest=digest_of(new_handle()),
        sessions_ended=1,
        client_sessions_ended=len(participants),
        grants_revoked=sum(one.grant.expires_at > at for one in revoked.values()),
        grants_surviving=len(survivors),
        notifications=len(owed),
    )
    return _Leave(ending, logout, participants, revoked, owed)


def _write(left: Sequence[_Leave], at: datetime) -> None:
    _mark(_sessions, ((one.ending.session_id, one) for one in left), ended_at=at)
    shares = ((p.client_session, one) for one in left for p in one.participants)
    _mark(_client_sessions, ((share.id, one) for share, one in shares if share), ended_at=at)
    _mark(_grants, ((grant_id, one) for one in left for grant_id in one.revoked), revoked_at=at)
    insert_many(_logouts, [_row(one.logout) for one in left])
    enqueue_many(
        (Owing(owed, one.logout.id, _priority(one)) for one in left for owed in one.owed),
        at=at,
        horizon=current.settings().delivery_horizon,
    )
    record_many([entry(EventTag.LOGOUT, **facts_of(one.ending, one.logout, one.owed)) for one in left])
    for one in left:
        after_commit(partial(announce, one.logout, one.owed))


def _mark(table: Table, ended: Any, **values: datetime) -> None:
    rows = [{"id": row_id, "logout_id": one.logout.id, **values} for row_id, one in ended]
    if rows:
        update_many(table, rows, key=("id",))


def _priority(one: _Leave) -> int:
    return fanout.priority_of(one.ending.cause.reason, one.ending.scope, in_bulk=True)


def _row(logout: Logout) -> dict[str, Any]:
    return {
        attribute.columns[0].name: getattr(logout, attribute.key)
        for attribute in Logout.__mapper__.column_attrs
    }


_sessions: Table = Base.metadata.tables["session"]
_client_sessions: Table = Base.metadata.tables["client_session"]
_grants: Table = Base.metadata.tables["grant"]
_logouts: Table = Base.metadata.tables["logout"]
