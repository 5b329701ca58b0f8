"""Pruning deletes what is old and unchanged, and nothing else; a pruned part stays vouched for."""

from datetime import timedelta

import pytest
from sqlalchemy import delete, select, update

from provider.audit.chain import Link, head, seal
from provider.audit.models import AuditEvent
from provider.audit.prune import prune
from provider.audit.queries import list_events
from provider.audit.record import record
from provider.audit.tags import EventTag
from provider.audit.verify import verify
from provider.infrastructure import clock
from provider.infrastructure.database import db, transaction
from provider.worker import pruning
from tests.audit.tampering import at, swap, tamper

# What the entries say is made up here.
pytestmark = pytest.mark.filterwarnings("ignore::provider.audit.record.UndeclaredField")


def test_pruning_keeps_the_chain_whole(app, turned_clock):
    for _ in range(3):
        with transaction():
            record(EventTag.CLIENT_ADDED, actor="admin", client_id="red")
            seal()
        turned_clock.turn(timedelta(days=1))
    with transaction():
        assert prune(clock.now() - timedelta(hours=36)) == 2
    with transaction():
        seal()

    assert verify().problems == ()
    assert [event.seq for event in list_events()] == [4, 3]
    tamper(delete(AuditEvent).where(AuditEvent.seq == 3))
    assert verify().problems == (
        f"entries 1 to 3 are missing, before {list_events()[0].at:%Y-%m-%d %H:%M:%S} UTC",
    )


def test_pruning_never_takes_the_last_link(chain):
    with transaction():
        assert prune(clock.now() + timedelta(days=1)) == 9
    with transaction():
        seal()

    assert verify().problems == ()
    assert head().seq == 11


def test_pruning_again_moves_the_beginning_on(chain):
    for limit in (2, 3, 100):
        with transaction():
            prune(clock.now() + timedelta(days=1), limit=limit)
        assert verify().problems == ()


def test_what_was_moved_back_in_time_is_not_pruned(chain):
    """The attack: make entries look old, and let the hourly pruning delete them as if for their age."""
    anchor = head()
    tamper(update(AuditEvent).where(AuditEvent.seq < 10).values(at=clock.now() - timedelta(days=500)))

    pruning.prune()

    findings = verify(anchor)
    assert findings.linked == 10
    assert "entry 1 (sign_in_succeeded) was changed" in findings.problems[0]


@pytest.mark.parametrize(
    "tampering",
    [
        pytest.param(lambda: tamper(at(4).values(at=clock.now() - timedelta(days=9))), id="an instant"),
        pytest.param(lambda: tamper(at(4).values(chain="0" * 64)), id="a link"),
        pytest.param(lambda: tamper(delete(AuditEvent).where(AuditEvent.seq == 4)), id="a missing entry"),
        pytest.param(swap, id="swapped entries"),
    ],
)
def test_pruning_stops_before_what_was_tampered_with(chain, tampering, caplog):
    tampering()

    with transaction(), caplog.at_level("ERROR", "curfew"):
        assert prune(clock.now() + timedelta(days=1)) == 3

    assert [one.message for one in caplog.records] == ["audit_not_pruned"]
    assert verify().problems
    with transaction():
        assert prune(clock.now() + timedelta(days=1)) == 0


def test_pruning_does_not_cover_up_a_cut_beginning(chain):
    tamper(delete(AuditEvent).where(AuditEvent.seq <= 2))

    with transaction():
        assert prune(clock.now() + timedelta(days=1)) == 0

    assert verify().problems[0].startswith("entries 1 to 2 are missing")


def pruned_in_two_batches() -> dict[int, Link]:
    """Prune the chain through 2 and then through 5; returns the links of the entries as they were."""
    links = select(AuditEvent.seq, AuditEvent.chain).where(AuditEvent.seq.is_not(None))
    anchors = {seq: Link(seq, proof) for seq, proof in db.session.execute(links)}
    for limit in (2, 3):
        with transaction():
            prune(clock.now() + timedelta(days=1), limit=limit)
    with transaction():
        seal()
    return anchors


@pytest.mark.parametrize("seq", [2, 5, 6, 10])
def test_an_anchor_holds_that_was_taken_at_the_end_of_a_pruned_part_or_later(chain, seq):
    anchors = pruned_in_two_batches()

    findings = verify(anchors[seq])

    assert findings.problems == ()
    assert findings.pruned_through == anchors[5]


@pytest.mark.parametrize("seq", [1, 3, 4])
def test_an_anchor_inside_a_pruned_part_is_reported_as_such(chain, seq):
    [problem] = verify(pruned_in_two_batches()[seq]).problems

    assert problem.startswith(f"entry {seq} of the anchor was pruned, with all through 5")


@pytest.mark.parametrize("seq", [2, 5, 6])
def test_a_false_anchor_is_found_at_the_end_of_a_pruned_part_too(chain, seq):
    pruned_in_two_batches()

    assert verify(Link(seq, "0" * 64)).problems == (
        f"entry {seq} is not the one that the anchor was taken of",
    )


@pytest.mark.parametrize("detail", [{"through": "4; x"}, {"through": [4]}, [], {}])
def test_a_forged_pruning_entry_of_any_form_is_only_a_forgery(chain, detail):
    tamper(
        delete(AuditEvent).where(AuditEvent.seq <= 4),
        at(7).values(tag=EventTag.AUDIT_PRUNED.value, detail=detail),
    )

    assert any("entries 1 to 4 are missing" in one for one in verify().problems)


def test_a_forged_pruning_entry_vouches_for_nothing(chain):
    tamper(
        delete(AuditEvent).where(AuditEvent.seq <= 4),
        at(7).values(tag=EventTag.AUDIT_PRUNED.value, detail={"through": 4, "chain": "0" * 64}),
    )

    assert any("entries 1 to 4 are missing" in one for one in verify().problems)
