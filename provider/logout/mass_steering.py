"""Steering a bulk logout while it runs: stop it, go on with it, change its pace.

What it was about is dead from its first moment, by the epoch or instant in the same transaction, and
stays so. Only what follows is steered: ending the rows and notifying the apps.
"""

from uuid import UUID

from sqlalchemy import ColumnElement, update

from provider.audit.record import record
from provider.audit.tags import EventTag
from provider.infrastructure import clock
from provider.infrastructure.database import change
from provider.logout.mass_queries import find
from provider.logout.models import MassEnding


class NotSteerable(ValueError):
    """The bulk logout is unknown, has finished, or stands as it was to be set."""


def stop(mass_ending_id: UUID) -> MassEnding:
    """End no further row of a bulk logout; a row whose transaction is open is rolled back or was first."""
    return _steer(
        mass_ending_id,
        EventTag.MASS_ENDING_STOPPED,
        MassEnding.stopped_at.is_(None),
        stopped_at=clock.now(),
    )


def resume(mass_ending_id: UUID) -> MassEnding:
    """Go on with a stopped bulk logout where it was stopped."""
    stopped = MassEnding.stopped_at.is_not(None)
    return _steer(mass_ending_id, EventTag.MASS_ENDING_RESUMED, stopped, stopped_at=None, paced_until=None)


def set_pace(mass_ending_id: UUID, per_second: int) -> MassEnding:
    """Let a bulk logout owe at most so many notifications a second from now on."""
    # What the old pace made it wait for is forgotten.
    return _steer(mass_ending_id, EventTag.MASS_ENDING_PACED, pace=per_second, paced_until=None)


def _steer(
    mass_ending_id: UUID, tag: EventTag, *conditions: ColumnElement[bool], **values: object
) -> MassEnding:
    running = (MassEnding.id == mass_ending_id, MassEnding.finished_at.is_(None))
    changed = change(update(MassEnding).where(*running, *conditions).values(**values))
    known = find(mass_ending_id)
    if not changed or known is None:
        raise NotSteerable(_why_not(mass_ending_id, known))
    record(tag, actor="admin", mass_ending_id=mass_ending_id, done=known.done, pace=known.pace)
    return known


def _why_not(mass_ending_id: UUID, known: MassEnding | None) -> str:
    if known is None:
        return f"there is no bulk logout {mass_ending_id}"
    if known.finished_at is not None:
        return f"the bulk logout {mass_ending_id} has finished"
    state = "is stopped already" if known.stopped_at else "is not stopped"
    return f"the bulk logout {mass_ending_id} {state}"
