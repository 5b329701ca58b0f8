"""The record of a bulk logout, and of what its walk passes: rows, audit, log and order."""

import logging
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from provider.audit.models import AuditEvent
from provider.clients.models import Client
from provider.grants.models import Grant
from provider.infrastructure import acting, clock, event_log
from provider.infrastructure.acting import Operator
from provider.infrastructure.database import change, db, transaction
from provider.logout import expiry
from provider.logout.bulk import begin as bulk
from provider.logout.bulk import walk
from provider.logout.bulk.queries import count_to_end, find, list_bulk_logouts, list_next, measure
from provider.logout.models import BulkKind, BulkLogout, BulkPhase
from provider.sessions.models import Session
from provider.tokens import access
from tests.factories import make_account, make_client, make_session
from tests.support.reads import end_read

pytestmark = pytest.mark.usefixtures("turned_clock")

A_MINUTE = timedelta(minutes=1)
CLEO = Operator("cleo", "cleo@desk")


def begin(act, *arguments, by="admin") -> BulkLogout:
    with acting.acting_as(CLEO), event_log.correlated("one command"), transaction():
        return act(*arguments, by)


def logged(caplog, event: str) -> list[tuple[str, dict]]:
    return [(one.levelname, one.fields) for one in caplog.records if one.message == event]


def row_of(bulk_logout: BulkLogout) -> dict:
    end_read()
    row = find(bulk_logout.id)
    return {column.key: getattr(row, column.key) for column in BulkLogout.__mapper__.column_attrs}


@pytest.mark.parametrize(
    ("act", "kind", "phase"),
    [
        pytest.param(lambda red, by: bulk.end_everybody(by), "all", "sessions", id="everybody"),
        pytest.param(bulk.end_of_client, "client", "sessions", id="a client"),
        pytest.param(bulk.end_offline_of_client, "client_offline", "grants", id="offline access"),
        pytest.param(
            lambda red, by: bulk.end_issued_before(clock.now(), by),
            "issued_before",
            "sessions",
            id="an instant",
        ),
    ],
)
def test_the_row_the_audit_entry_and_the_log_say_the_same(red, caplog, turned_clock, act, kind, phase):
    begun = begin(act, red)

    client = red if kind.startswith("client") else None
    instant = turned_clock() if kind == "issued_before" else None
    assert row_of(begun) == {
        "id": begun.id,
        "at": turned_clock(),
        "kind": kind,
        "client_id": client.id if client else None,
        "issued_before": instant,
        "initiator": "admin",
        "actor_name": "cleo",
        "actor_origin": "cleo@desk",
        "total": 0,
        "done": 0,
        "phase": phase,
        "cursor": None,
        "correlation_id": "one command",
        "finished_at": None,
        "stopped_at": None,
        "pace": None,
        "paced_until": None,
    }
    entry = db.session.scalars(select(AuditEvent).where(AuditEvent.tag == "mass_ending")).one()
    wire_id = client.client_id if client else None
    assert (entry.actor, entry.actor_name, entry.client_id) == ("admin", "cleo", wire_id)
    assert entry.detail == {
        "mass_ending_id": str(begun.id),
        "kind": kind,
        "issued_before": instant.isoformat() if instant else None,
    }
    about = {"mass_ending_id": begun.id, "kind": kind, "client_id": wire_id}
    assert logged(caplog, "mass_ending") == [("WARNING", about)]


def test_one_that_no_operator_began_names_none(red):
    row = row_of(begin(bulk.end_of_client, red, by="client"))

    assert (row["initiator"], row["actor_name"], row["actor_origin"]) == ("client", None, None)


def test_the_numbers_count_up_by_one_for_those_concerned(red, green):
    with transaction():
        assert (red.epoch, green.epoch) == (0, 0)
        bulk.end_of_client(red, "admin")
        assert red.epoch == 1

    end_read()
    assert [db.session.scalar(select(Client.epoch).where(Client.id == one.id)) for one in (red, green)] == [
        1,
        0,
    ]


def test_those_of_the_past_are_listed_newest_first(red):
    begun = [begin(bulk.end_of_client, red).id for _ in range(3)]

    assert [one.id for one in list_bulk_logouts(10)] == begun[::-1]
    assert [one.id for one in list_bulk_logouts(limit=2)] == begun[:0:-1]


class TestWhatIsWalked:
    def test_rows_in_the_order_of_their_ids_behind_the_cursor(self, ada, red):
        made = [make_session(ada, [red], offline=("red",)) for _ in range(3)]
        ids = sorted(one.session.id for one in made)
        begun = begin(bulk.end_everybody)

        assert list(list_next(begun, 2)) == ids[:2]
        with transaction():
            find(begun.id).cursor = ids[0]
        assert list(list_next(find(begun.id), 5)) == ids[1:]
        assert (count_to_end(begun), measure(BulkKind.ALL).sessions) == (3, 0)

    def test_client_sessions_of_one_client_that_began_before(self, ada, red, green):
        made = make_session(ada, [red, green])
        ended = make_session(ada, [red])
        with transaction():
            ended.client_sessions["red"].ended_at = clock.now()
        begun = begin(bulk.end_of_client, red)
        make_session(ada, [red])

        assert list(list_next(begun, 5)) == [made.client_sessions["red"].id]
        # The grant of a client session that has ended is walked to on its own.
        assert count_to_end(begun) == 2

    @pytest.mark.parametrize(
        "values",
        [{"revoked_at": clock.now}, {"expires_at": clock.now}],
        ids=["revoked before", "expired before"],
    )
    @pytest.mark.parametrize("act", [bulk.end_of_client, bulk.end_offline_of_client])
    def test_no_grant_that_was_not_valid(self, ada, red, act, values):
        kept, gone = (make_session(ada, [red], offline=("red",)) for _ in range(2))
        make_session(ada, [make_client("green")], offline=("green",))
        with transaction():
            for made in (kept, gone):
                made.client_sessions["red"].ended_at = clock.now()
            values = {name: value() for name, value in values.items()}
            change(update(Grant).where(Grant.id == gone.grants["red"].id).values(**values))
        begun = begin(act, red)
        with transaction():
            find(begun.id).phase = BulkPhase.GRANTS

        assert list(list_next(find(begun.id), 5)) == [kept.grants["red"].id]
        assert count_to_end(find(begun.id)) == 1

    def test_of_offline_access_what_was_given_until_then_by_grant_or_by_device(self, ada, red, turned_clock):
        offline, device, second_device, browser, other_device = (
            make_session(ada, [red], offline=("red",) if number == 0 else ()) for number in range(5)
        )
        with transaction():
            for one in (device, second_device, other_device):
                one.session.is_device = True
            device.grants["red"].scope = browser.grants["red"].scope = "openid offline_access"
            second_device.grants["red"].scope = "offline_access openid"
            other_device.grants["red"].scope = "openid offline_access_not"
        begun = begin(bulk.end_offline_of_client, red)
        turned_clock.turn(A_MINUTE)
        make_session(ada, [red], offline=("red",))

        staying = [one.grants["red"].id for one in (offline, device, second_device)]
        assert list(list_next(begun, 5)) == sorted(staying)


def test_a_row_that_cannot_be_ended_is_passed_logged_and_not_counted(ada, red, green, caplog):
    broken = make_session(ada, [red])
    good = make_session(ada, [green])
    with transaction():
        red.registered = []
    begun = begin(bulk.end_everybody)
    until = clock.now() - A_MINUTE
    with transaction():
        find(begun.id).paced_until = until

    while walk.carry_on() is not None:
        pass

    row = row_of(begun)
    assert (row["total"], row["done"], row["phase"]) == (2, 1, "grants")
    about = {"mass_ending_id": begun.id, "row": broken.session.id}
    assert (("ERROR", about), True) in [
        ((one.levelname, one.fields), bool(one.exc_info))
        for one in caplog.records
        if one.message == "mass_ending_row_failed"
    ]
    end_read()
    db.session.refresh(good.session)
    assert good.session.logout_id


def test_one_broken_row_leaves_the_pace_as_it_is(ada, red, caplog):
    make_session(ada, [red])
    with transaction():
        red.registered = []
    begun = begin(bulk.end_everybody)
    until = clock.now() - A_MINUTE
    with transaction():
        find(begun.id).paced_until = until

    walk.carry_on()

    assert row_of(begun)["paced_until"] == until


def test_its_end_is_logged(ada, red, caplog):
    caplog.set_level(logging.INFO, "curfew")
    make_session(ada, [red])
    begun = begin(bulk.end_everybody)

    while walk.carry_on() is not None:
        pass

    assert logged(caplog, "mass_ending_finished") == [("INFO", {"mass_ending_id": begun.id, "done": 1})]
    assert row_of(begun)["finished_at"] == clock.now()


def test_tokens_without_a_person_are_counted_too(red, green, turned_clock):
    for client, count in ((red, 2), (green, 1)):
        for _ in range(count):
            with transaction():
                access.issue_for_client(client, scope="jobs")
    instant = turned_clock.turn(A_MINUTE)
    with transaction():
        access.issue_for_client(red, scope="jobs")

    assert measure(BulkKind.ALL).service_tokens == 4
    assert measure(BulkKind.CLIENT, client=red).service_tokens == 3
    assert measure(BulkKind.CLIENT, client=red, issued_before=instant).service_tokens == 2


def test_what_one_client_would_lose_is_counted_for_that_client_alone(ada, red, green):
    make_session(ada, [red, green], offline=("green",))
    make_session(make_account("ben"), [green])
    ended = make_session(ada, [red])
    with transaction():
        ended.client_sessions["red"].ended_at = clock.now()

    reach = measure(BulkKind.CLIENT, client=red)

    assert (reach.sessions, reach.client_sessions, reach.grants, reach.apps) == (0, 1, 2, 1)


def test_those_that_were_revoked_before_they_began_are_found_the_first_to_end_first(ada, turned_clock):
    made = [make_session(ada) for _ in range(3)]
    with transaction():
        for number, one in enumerate(made):
            one.session.ends_at = clock.now() + (3 - number) * A_MINUTE
        ada.epoch += 1
    make_session(make_account("ben"))

    assert list(expiry.list_already_revoked(2)) == [made[2].session.id, made[1].session.id]
    with transaction():
        change(update(Session).where(Session.id == made[2].session.id).values(ended_at=clock.now()))
    assert list(expiry.list_already_revoked(5)) == [made[1].session.id, made[0].session.id]
