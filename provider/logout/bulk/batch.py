"""End many rows of a bulk logout in one transaction: each statement covers all of them.

For each row the same is written as when it ends alone: record, deliveries and audit entry.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, takewhile
from uuid import UUID

from provider.infrastructure import clock
from provider.logout.bulk.leave import Leave, leave, write
from provider.logout.expiry import list_invalid, revokes_offline
from provider.logout.models import LogoutScope
from provider.logout.participants import (
    Participant,
    lock_free_client_sessions,
    lock_free_devices,
    lock_free_grants,
    lock_of_sessions,
)
from provider.logout.steps import Cause, LogoutDraft


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The result of a batch: how many rows it passed, how many ended, and the notifications owed for them."""

    passed: int
    ended: int
    notifications: int


def end_sessions(session_ids: Sequence[UUID]) -> Ended:
    """End sessions in this order, up to the first that another transaction has locked."""
    locked = {session.id: (session, cause) for session, cause in list_invalid(session_ids)}
    passed = [locked[one] for one in takewhile(locked.__contains__, session_ids)]
    invalid = [(session, cause) for session, cause in passed if cause is not None]
    participants = lock_of_sessions([session.id for session, _ in invalid])
    at = clock.now()
    left = []
    for session, cause in invalid:
        parts = participants.get(session.id, [])
        survivors = [] if revokes_offline(cause) else [one for one in parts if one.survives_browser]
        draft = LogoutDraft(
            cause=cause,
            scope=LogoutScope.BROWSER,
            account_id=session.account_id,
            session_id=session.id,
            at=at,
        )
        left.append(leave(draft, parts, survivors=survivors, sessions=[session.id]))
    return _end(len(passed), left, at)


def end_client_sessions(client_session_ids: Sequence[UUID], cause: Cause) -> Ended:
    """Do the same for client sessions, whose grants end with them; each notifies its client."""
    return _end_apps(client_session_ids, lock_free_client_sessions(client_session_ids), cause)


def end_grants(grant_ids: Sequence[UUID], cause: Cause, *, as_of: datetime) -> Ended:
    """Do the same for grants, including those that have expired since this instant."""
    return _end_apps(grant_ids, lock_free_grants(grant_ids, as_of), cause, names_session=False)


def _end_apps(
    row_ids: Sequence[UUID],
    locked: Mapping[UUID, Sequence[Participant]],
    cause: Cause,
    *,
    names_session: bool = True,
) -> Ended:
    """End what depends on these rows, up to the first that is locked elsewhere or whose device is."""
    devices = lock_free_devices(chain.from_iterable(locked.values()))
    passed = list(
        takewhile(lambda one: one in locked and _sessions_of(locked[one]) <= devices.keys(), row_ids)
    )
    at = clock.now()
    left = []
    for parts in filter(None, map(locked.__getitem__, passed)):
        share = parts[0].client_session
        draft = LogoutDraft(
            cause=cause,
            scope=LogoutScope.APP,
            account_id=parts[0].grant.account_id,
            session_id=share.session_id if share and names_session else None,
            at=at,
        )
        # A device's session is useless without its only client.
        left.append(leave(draft, parts, sessions={one for one in _sessions_of(parts) if devices[one]}))
    return _end(len(passed), left, at)


def _sessions_of(participants: Sequence[Participant]) -> set[UUID]:
    """Return the sessions that end with these participants: those of devices."""
    return {one.client_session.session_id for one in participants if one.is_device and one.client_session}


def _end(passed: int, left: Sequence[Leave], at: datetime) -> Ended:
    if left:
        write(left, at)
    owed = sum(one.extent.notifications for one in left)
    return Ended(passed=passed, ended=len(left), notifications=owed)
