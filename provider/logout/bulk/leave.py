"""One logout of a batch, and how a batch is written: each statement covers all of its logouts."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import Table, func, select, true

from provider.audit.record import entry, record_many
from provider.audit.tags import EventTag
from provider.delivery.outbox import Owed, Owing, enqueue
from provider.infrastructure import built_once, current
from provider.infrastructure.database import Base, after_commit, connection, is_sqlite
from provider.infrastructure.many_rows import insert_later, update_later
from provider.infrastructure.opaque_tokens import digest_of, new_handle
from provider.logout import fanout
from provider.logout.models import Logout
from provider.logout.participants import Participant
from provider.logout.steps import Extent, LogoutDraft, announce, facts_of

# In force for the rest of the transaction. PostgreSQL has no statistics of tables that have just begun to
# grow: for each reference to such a table it would read all of it, and keep that plan as long as the
# connection.
_BY_INDEX = select(func.set_config("enable_seqscan", "off", true()))


@dataclass(frozen=True, slots=True)
class Leave:
    """One logout with the rows that it ends, and what it owes."""

    draft: LogoutDraft
    extent: Extent
    sessions: Collection[UUID]
    participants: Sequence[Participant]
    revoked: Collection[UUID]
    owed: Sequence[Owed]


def leave(
    draft: LogoutDraft,
    participants: Sequence[Participant],
    *,
    sessions: Collection[UUID],
    survivors: Sequence[Participant] = (),
) -> Leave:
    """Return the logout of locked participants and sessions; the survivors keep their grants."""
    revoked = [one.grant for one in participants if one not in survivors and one.grant.revoked_at is None]
    owed = fanout.plan(participants, draft.cause.reason)
    extent = Extent(
        sessions_ended=len(sessions),
        client_sessions_ended=sum(one.client_session is not None for one in participants),
        grants_revoked=sum(grant.expires_at > draft.at for grant in revoked),
        grants_surviving=len(survivors),
        notifications=len(owed),
    )
    return Leave(draft, extent, sessions, participants, [grant.id for grant in revoked], owed)


def write(left: Sequence[Leave], at: datetime) -> None:
    """Write the logouts of a batch: the rows that ended, records, deliveries and audit entries."""
    if not is_sqlite():
        built_once.fetch(connection(), _BY_INDEX, {})
    _mark(_sessions, ((row, one) for one in left for row in one.sessions), ended_at=at)
    pairs = ((part.client_session, one) for one in left for part in one.participants)
    _mark(
        _client_sessions,
        ((client_session.id, one) for client_session, one in pairs if client_session),
        ended_at=at,
    )
    _mark(_grants, ((row, one) for one in left for row in one.revoked), revoked_at=at)
    insert_later(_logouts, [_row(one) for one in left])
    enqueue(
        (Owing(owed, one.draft.logout_id, _priority(one)) for one in left for owed in one.owed),
        at=at,
        horizon=current.settings().delivery_horizon,
    )
    record_many([entry(EventTag.LOGOUT, **facts_of(one.draft, one.extent, one.owed)) for one in left])
    for one in left:
        after_commit(partial(announce, one.draft, one.extent, one.owed))


def _mark(table: Table, ended: Iterable[tuple[UUID, Leave]], **values: datetime) -> None:
    rows = [{"id": row_id, "logout_id": one.draft.logout_id, **values} for row_id, one in ended]
    if rows:
        update_later(table, rows, key=("id",))


def _priority(one: Leave) -> int:
    return fanout.priority_of(one.draft.cause.reason, one.draft.scope, in_bulk=True)


def _row(one: Leave) -> Mapping[str, Any]:
    values = one.draft.values(one.extent, digest_of(new_handle()))
    return {_COLUMNS[name]: value for name, value in values.items()}


_sessions: Table = Base.metadata.tables["session"]
_client_sessions: Table = Base.metadata.tables["client_session"]
_grants: Table = Base.metadata.tables["grant"]
_logouts: Table = Base.metadata.tables["logout"]
# Two attributes do not have the names of their columns.
_COLUMNS = {one.key: one.columns[0].name for one in Logout.__mapper__.column_attrs}
