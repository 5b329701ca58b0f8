"""The numbers of the console's first page in the admin API, and whether the audit log's chain holds."""

from datetime import timedelta

from sqlalchemy import update

from provider.audit.chain import head, seal
from provider.audit.models import AuditEvent
from provider.delivery.models import Delivery
from provider.infrastructure import clock
from provider.infrastructure.database import change, transaction
from tests.delivery.owing import sign_out_at
from tests.factories import make_session


def test_the_overview_counts_what_lives_and_what_waits(admin, ada, red, green):
    make_session(ada, [red])
    (accepted, _owed) = sign_out_at(red, green, account=ada)
    with transaction():
        done = {"state": "accepted", "finished_at": accepted.created_at + timedelta(seconds=2)}
        change(update(Delivery).where(Delivery.id == accepted.id).values(**done))

    seen = admin.get("/overview")

    # Hers and Cleo's.
    assert seen["live_sessions"] == {"number": 2, "is_estimate": False, "is_least": False}
    assert seen["deliveries"]["pending"] == 1
    assert seen["notified_within"] == {"measured": 1, "p50": 2.0, "p99": 2.0}
    assert seen["failing_apps"] == 0
    assert len(seen["hours"]) == 24
    assert seen["hours"][-1]["begin"] <= clock.now().isoformat()


def test_an_entry_that_was_changed_is_a_problem_in_words(admin):
    with transaction():
        seal()
    good = admin.get("/audit-verification")
    assert (good["problems"], good["head"]) == ([], str(head()))
    assert good["entries"] == head().seq

    with transaction():
        change(update(AuditEvent).where(AuditEvent.seq == 1).values(actor_name="somebody else"))

    (problem, *_others) = admin.get("/audit-verification")["problems"]
    assert problem.startswith("entry 1 (")
    assert "was changed" in problem
