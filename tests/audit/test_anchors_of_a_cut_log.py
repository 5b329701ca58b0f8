"""An anchor proves that the log was cut off: it must neither be replaced nor be followed by another."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import delete

from provider.audit.anchoring import anchor_due, read_anchors, states
from provider.audit.chain import seal
from provider.audit.models import AuditEvent
from provider.audit.prune import prune
from provider.audit.record import entry, record_many
from provider.audit.tags import EventTag
from provider.infrastructure import clock
from provider.infrastructure.database import transaction
from tests.audit.tampering import tamper

pytestmark = [
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
    # What the entries say is made up here.
    pytest.mark.filterwarnings("ignore::provider.audit.record.UndeclaredField"),
]
HOUR = timedelta(hours=1)


@pytest.fixture
def settings(settings, file):
    return replace(settings, audit_anchors=(f"file:{file}",))


def test_a_log_that_was_cut_off_does_not_replace_what_proves_it(chain, file, turned_clock):
    anchor_due()
    tamper(delete(AuditEvent).where(AuditEvent.seq > 8))
    turned_clock.turn(HOUR)

    anchor_due()

    (state,) = states()
    assert state.reason == "entry 10 was anchored, but the log ends at 8: its end was cut off"
    assert "curfew audit verify" in state.cure
    assert [link.seq for link in read_anchors(file.read_bytes())] == [10]


def test_a_log_that_was_cut_off_and_went_on_does_not_replace_what_proves_it(chain, file, turned_clock):
    anchor_due()
    tamper(delete(AuditEvent).where(AuditEvent.seq > 8))
    with transaction():
        record_many([entry(EventTag.LOGOUT, actor="system") for _ in range(4)])
    with transaction():
        seal()
    turned_clock.turn(HOUR)

    anchor_due()

    (state,) = states()
    assert state.reason == (
        "entry 10 is not the one that was anchored: the log went on after its end was cut off"
    )
    assert "curfew audit verify" in state.cure
    assert [link.seq for link in read_anchors(file.read_bytes())] == [10]


def test_pruned_entries_do_not_stop_the_anchoring(chain, file, turned_clock):
    anchor_due()
    turned_clock.turn(timedelta(days=2))
    with transaction():
        prune(clock.now() - timedelta(days=1))
    with transaction():
        seal()

    anchor_due()

    (state,) = states()
    assert (state.reason, state.link.seq) == (None, 11)
