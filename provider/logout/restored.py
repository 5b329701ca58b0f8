"""End all sessions and grants that a restored backup has brought back.

Those that ended after the backup look like the others, so all of them are ended, by the provider's epoch. The
database's lineage changes as well, so that an older copy that comes back later is recognised as such.
"""

from provider.audit.record import Actor, record
from provider.audit.tags import EventTag
from provider.infrastructure import lineage
from provider.infrastructure.database import db
from provider.infrastructure.lineage import Place
from provider.logout.bulk import begin as bulk
from provider.logout.models import BulkLogout


def end_restored(initiator: Actor, place: Place | None) -> BulkLogout:
    """End all sessions and grants, and begin another lineage at the database's present position."""
    lineage_id = lineage.succeed(db.session.connection(), place)
    begun = bulk.end_everybody(initiator)
    record(
        EventTag.DATABASE_RESTORED,
        actor=initiator,
        mass_ending_id=begun.id,
        lineage_id=lineage_id,
        place=str(place) if place else None,
    )
    return begun


def accept_failover(initiator: Actor, place: Place) -> None:
    """Accept the database's present position as complete: nothing is missing."""
    lineage.accept(db.session.connection(), place)
    record(EventTag.FAILOVER_ACCEPTED, actor=initiator, place=str(place))
