"""The record of a restored backup and of an accepted failover."""

import pytest
from sqlalchemy import select

from provider.audit.models import AuditEvent
from provider.infrastructure import lineage
from provider.infrastructure.acting import Operator, acting_as
from provider.infrastructure.database import db, transaction
from provider.infrastructure.lineage import Place
from provider.logout.restored import accept_failover, end_restored
from provider.sessions.queries import find_live
from tests.factories import make_session

CLEO = Operator("cleo", "cleo@desk")
PLACE = Place("4711", 3)


def audited(tag: str) -> AuditEvent:
    return db.session.scalars(select(AuditEvent).where(AuditEvent.tag == tag)).one()


@pytest.mark.parametrize("place", [PLACE, None], ids=["at a known place", "where the database says nothing"])
def test_a_restored_backup_ends_every_session_and_begins_a_lineage(ada, place):
    made = make_session(ada)

    with acting_as(CLEO), transaction():
        begun = end_restored("admin", place)

    assert find_live(made.handle) is None
    entry, known = audited("database_restored"), lineage.read(db.session.connection())
    assert (entry.actor, entry.actor_name) == ("admin", "cleo")
    assert known.accepted == place
    assert entry.detail == {
        "mass_ending_id": str(begun.id),
        "lineage_id": known.lineage_id,
        "place": "server 4711, timeline 3" if place else None,
    }


def test_a_failover_is_accepted_at_its_place(app):
    with transaction():
        lineage.begin(db.session.connection(), None)

    with acting_as(CLEO), transaction():
        accept_failover("admin", PLACE)

    entry = audited("failover_accepted")
    assert (entry.actor, entry.actor_name) == ("admin", "cleo")
    assert entry.detail == {"place": "server 4711, timeline 3"}
    assert lineage.read(db.session.connection()).accepted == PLACE
