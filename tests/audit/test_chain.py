"""An entry of the audit stays as it was written, or verification reports it: KEY-29 to KEY-33."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import delete, update

from provider.audit.chain import Link, head, seal
from provider.audit.models import AuditEvent
from provider.audit.queries import Filter, list_events
from provider.audit.record import entry, record, record_many
from provider.audit.tags import EventTag
from provider.audit.verify import verify
from provider.infrastructure import clock, event_log
from provider.infrastructure.database import transaction
from tests.audit.tampering import ADA, at, mac_of_entry, swap, tamper

# What the entries say is made up here.
pytestmark = pytest.mark.filterwarnings("ignore::provider.audit.record.UndeclaredField")


def renumber():
    tamper(delete(AuditEvent).where(AuditEvent.seq == 3))
    for seq in range(4, 11):
        tamper(at(seq).values(seq=seq - 1))


def graft():
    tamper(at(4).values(mac=mac_of_entry(5)))


@pytest.mark.parametrize(
    ("tampering", "found"),
    [
        pytest.param(
            lambda: tamper(at(4).values(ip="10.0.0.1")), "entry 4 .* was changed", id="an edited column"
        ),
        pytest.param(
            lambda: tamper(at(4).values(detail={"number": 5})),
            "entry 4 .* was changed",
            id="an edited detail",
        ),
        pytest.param(
            lambda: tamper(at(4).values(at=clock.now())), "entry 4 .* was changed", id="a shifted instant"
        ),
        pytest.param(
            lambda: tamper(at(4).values(account_id=None)), "entry 4 .* was changed", id="a removed account"
        ),
        pytest.param(graft, "entry 4 .* was changed", id="another entry's mac"),
        pytest.param(
            lambda: tamper(delete(AuditEvent).where(AuditEvent.seq == 4)),
            "entry 4 is missing",
            id="a deleted entry",
        ),
        pytest.param(
            lambda: tamper(delete(AuditEvent).where(AuditEvent.seq.between(4, 6))),
            r"entries 4 to 6 are missing, of [-\d]{10} [:\d]{8} UTC to [-\d]{10} [:\d]{8} UTC$",
            id="deleted entries",
        ),
        pytest.param(
            lambda: tamper(delete(AuditEvent).where(AuditEvent.seq <= 2)),
            "entries 1 to 2 are missing, before ",
            id="a cut beginning",
        ),
        pytest.param(swap, "entry 5 .* does not follow entry 4: entries were moved", id="swapped entries"),
        pytest.param(renumber, "does not follow", id="a deleted entry with the rest renumbered"),
        pytest.param(lambda: tamper(at(4).values(chain="0" * 64)), "does not follow", id="another link"),
    ],
)
def test_tampering_is_found(chain, tampering, found):
    tampering()

    problems = verify().problems
    assert problems
    assert any(re.search(found, problem) for problem in problems)


def test_an_untouched_chain_has_no_problems(chain):
    findings = verify(head())

    assert findings.problems == ()
    assert (findings.linked, findings.not_yet_linked) == (10, 0)
    assert findings.head == head()


def test_entries_are_verified_beyond_the_first_batch(app):
    with transaction():
        record_many([entry(EventTag.LOGOUT, actor="system") for _ in range(1102)])
    with transaction():
        seal(limit=601)
    tamper(at(600).values(ip="10.0.0.1"))

    found = verify()

    assert (found.linked, found.not_yet_linked) == (601, 501)
    assert [problem.split()[1] for problem in found.problems] == ["600"]


def test_one_problem_is_reported_once(chain):
    tamper(at(4).values(ip="10.0.0.1"))

    assert len(verify().problems) == 1


def test_a_cut_end_is_found_by_an_anchor(chain):
    anchor = Link.from_text(str(head()))
    tamper(delete(AuditEvent).where(AuditEvent.seq > 8))

    assert verify().problems == ()
    (problem,) = verify(anchor).problems
    assert problem == (
        "the anchor knows of entry 10, but the last one here is 8: the end of the log was cut off, "
        "or an older copy was restored; entries 9 to 10 are missing"
    )


def test_a_rewritten_end_is_found_by_an_anchor(chain):
    anchor = head()
    tamper(delete(AuditEvent).where(AuditEvent.seq > 8))
    with transaction():
        for _ in range(3):
            record(EventTag.CLIENT_ADDED, actor="admin", client_id="red")
        seal()

    assert verify().problems == ()
    assert verify(anchor).problems == ("entry 10 is not the one that the anchor was taken of",)


@pytest.mark.parametrize("text", ["", "1", "1:", "x:" + "0" * 64, "-1:" + "0" * 64, "1:abc"])
def test_an_anchor_of_another_form_is_refused(text):
    with pytest.raises(ValueError, match="an anchor looks like"):
        Link.from_text(text)


def test_an_entry_not_yet_linked_is_already_guarded(app):
    with transaction():
        record(EventTag.CLIENT_ADDED, actor="admin", client_id="red")
    tamper(update(AuditEvent).values(client_id="green"))

    findings = verify()
    assert (findings.linked, findings.not_yet_linked, findings.head) == (0, 1, None)
    assert "was changed" in findings.problems[0]


def test_an_entry_goes_with_its_act_or_not_at_all(app):
    def act_that_fails():
        with transaction():
            record(EventTag.CLIENT_ADDED, actor="admin", client_id="red")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        act_that_fails()

    assert list_events() == []


def test_all_entries_of_an_act_cost_one_statement_at_its_end(app, statements):
    with statements() as seen, transaction():
        record(EventTag.CLIENT_ADDED, actor="admin", client_id="red")
        record(EventTag.CLIENT_ADDED, actor="admin", client_id="green")
        assert not any("audit_event" in statement for statement in seen)

    assert len([statement for statement in seen if "audit_event" in statement]) == 1
    assert "INSERT INTO audit_event" in seen[-1]
    assert len(list_events()) == 2


def test_an_entry_is_of_an_act(app):
    with pytest.raises(RuntimeError, match="only an open transaction"):
        record(EventTag.CLIENT_ADDED, actor="admin", client_id="red")


@pytest.mark.parametrize(
    "detail",
    [
        pytest.param({"username": "ada\r\n\x1b[31mroot signed in\x00"}, id="control characters"),
        pytest.param({"username": "\ud800 Ädä 🦉"}, id="an unpaired surrogate and an owl"),
        pytest.param({"username": "x" * 100_000}, id="far too long"),
        pytest.param(
            {"at": clock.now(), "id": ADA, "tags": (EventTag.LOGOUT, {"a": 1.5})}, id="values of our own"
        ),
    ],
)
def test_an_entry_verifies_whatever_it_says(app, detail):
    with transaction():
        record(EventTag.SIGN_IN_REFUSED, actor="system", **detail)
        seal()

    assert verify().problems == ()
    assert len(str(list_events()[0].detail)) < 5000


def test_an_entry_carries_the_click_s_correlation_id(app):
    with event_log.correlated("click-1"), transaction():
        record(EventTag.SIGN_IN_REFUSED, actor="system")

    assert list_events()[0].correlation_id == "click-1"


def test_linking_goes_on_where_it_stopped(chain):
    before = head()
    with transaction():
        for _ in range(5):
            record(EventTag.CLIENT_ADDED, actor="admin", client_id="red")
    with transaction():
        assert [seal(limit=2), seal(limit=2), seal(limit=2), seal(limit=2)] == [2, 2, 1, 0]

    assert head().seq == before.seq + 5
    assert verify(before).problems == ()


def test_entries_are_listed_newest_first_by_what_is_wanted(app, turned_clock):
    for number in range(6):
        with transaction():
            record(
                EventTag.LOGOUT if number % 2 else EventTag.SESSION_STARTED,
                actor="account",
                account_id=ADA if number < 4 else uuid4(),
                number=number,
            )
        turned_clock.turn(timedelta(minutes=1))

    def numbers(**options):
        return [event.detail["number"] for event in list_events(**options)]

    assert numbers() == [5, 4, 3, 2, 1, 0]
    assert numbers(wanted=Filter(tags=(EventTag.LOGOUT,))) == [5, 3, 1]
    assert numbers(wanted=Filter(account_id=ADA)) == [3, 2, 1, 0]
    assert numbers(wanted=Filter(since=clock.now() - timedelta(minutes=2))) == [5, 4]
    assert numbers(limit=2, before=list_events(limit=2)[-1]) == [3, 2]
