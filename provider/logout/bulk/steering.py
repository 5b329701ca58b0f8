"""Steer a bulk logout while it runs: stop it, resume it, change its pace.

Its sessions and grants are revoked from the start, by the epoch or instant in the same transaction, and stay
revoked. Only the walk is steered, which ends the rows and notifies the apps.
"""

from uuid import UUID

from sqlalchemy import ColumnElement, update

from provider.audit.record import record
from provider.audit.tags import EventTag
from provider.infrastructure import clock
from provider.infrastructure.database import change
from provider.logout.bulk.queries import find
from provider.logout.models import BulkLogout


class NotSteerable(ValueError):
    """The bulk logout is unknown, has finished, or is already in the requested state."""


def stop(bulk_logout_id: UUID) -> BulkLogout:
    """End no further row of a bulk logout; a transaction under way commits first or is rolled back."""
    return _steer(
        bulk_logout_id,
        EventTag.BULK_LOGOUT_STOPPED,
        BulkLogout.stopped_at.is_(None),
        stopped_at=clock.now(),
    )


def resume(bulk_logout_id: UUID) -> BulkLogout:
    """Resume a stopped bulk logout where it was stopped."""
    stopped = BulkLogout.stopped_at.is_not(None)
    return _steer(bulk_logout_id, EventTag.BULK_LOGOUT_RESUMED, stopped, stopped_at=None, paced_until=None)


def set_pace(bulk_logout_id: UUID, per_second: int) -> BulkLogout:
    """Limit the notifications that a bulk logout owes per second from now on."""
    # The wait that the old pace requires is dropped.
    return _steer(bulk_logout_id, EventTag.BULK_LOGOUT_PACED, pace=per_second, paced_until=None)


def _steer(
    bulk_logout_id: UUID, tag: EventTag, *conditions: ColumnElement[bool], **values: object
) -> BulkLogout:
    running = (BulkLogout.id == bulk_logout_id, BulkLogout.finished_at.is_(None))
    changed = change(update(BulkLogout).where(*running, *conditions).values(**values))
    known = find(bulk_logout_id)
    if not changed or known is None:
        raise NotSteerable(_why_not(bulk_logout_id, known))
    record(tag, actor="admin", mass_ending_id=bulk_logout_id, done=known.done, pace=known.pace)
    return known


def _why_not(bulk_logout_id: UUID, known: BulkLogout | None) -> str:
    if known is None:
        return f"there is no bulk logout {bulk_logout_id}"
    if known.finished_at is not None:
        return f"the bulk logout {bulk_logout_id} has finished"
    state = "is already stopped" if known.stopped_at else "is not stopped"
    return f"the bulk logout {bulk_logout_id} {state}"
