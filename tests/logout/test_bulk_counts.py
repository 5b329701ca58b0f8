"""The preview of a bulk logout or of the revocation of grants, and how a running one is steered."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from provider.audit.models import AuditEvent
from provider.grants.queries import Wanted
from provider.infrastructure import clock
from provider.infrastructure.database import db, transaction
from provider.logout.bulk import begin, steering
from provider.logout.bulk.queries import find, measure, measure_grants
from provider.logout.models import BulkKind
from tests.factories import make_account, make_client, make_session

MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def standing_clock(app, turned_clock):
    return turned_clock


@pytest.fixture
def ada(app):
    return make_account("ada")


class TestBeforeABulkLogout:
    def test_sessions_client_sessions_and_grants_are_counted_apart(self, ada, red):
        green = make_client("green", backchannel_logout_uri=None)
        make_session(ada, [red, green])
        make_session(ada, [red])
        make_session(make_account("ben"))

        reach = measure(BulkKind.ALL)

        assert (reach.sessions, reach.client_sessions, reach.grants, reach.apps) == (3, 3, 3, 1)

    def test_what_was_made_at_the_instant_is_not_before_it(self, ada, red, turned_clock):
        make_session(ada, [red])
        turned_clock.turn(MINUTE)
        make_session(ada, [red])

        reach = measure(BulkKind.ALL, issued_before=clock.now())

        assert (reach.sessions, reach.client_sessions, reach.grants) == (1, 1, 1)


class TestBeforeGrantsAreRevoked:
    def test_only_grants_that_live_are_counted(self, ada, red):
        made = [make_session(ada, [red]).grants["red"] for _ in range(4)]
        with transaction():
            made[0].revoked_at = clock.now()
            made[1].expires_at = clock.now()

        reach = measure_grants(Wanted(account_id=ada.id))

        assert (reach.grants, reach.apps) == (2, 1)

    def test_those_that_are_named_alone(self, ada, red):
        made = [make_session(ada, [red]).grants["red"] for _ in range(3)]

        reach = measure_grants(Wanted(account_id=ada.id), [made[0].id, made[1].id])

        assert (reach.grants, reach.client_sessions) == (2, 2)

    def test_client_sessions_that_have_ended_are_not_counted(self, ada, red):
        ended, lives = make_session(ada, [red]), make_session(ada, [red])
        with transaction():
            ended.client_sessions["red"].ended_at = clock.now()

        reach = measure_grants(Wanted(account_id=ada.id))

        assert (reach.grants, reach.client_sessions, reach.sessions) == (2, 1, 0)
        assert lives.client_sessions["red"].ended_at is None

    def test_the_session_of_a_device_goes_with_its_client(self, ada, red):
        device, browser = make_session(ada, [red]), make_session(ada, [red])
        with transaction():
            device.session.is_device = True

        reach = measure_grants(Wanted(account_id=ada.id))

        assert (reach.grants, reach.client_sessions, reach.sessions) == (2, 2, 1)
        assert not browser.session.is_device


class TestSteering:
    @pytest.fixture
    def running(self, ada, red):
        make_session(ada, [red])
        with transaction():
            return begin.end_everybody("admin").id

    def test_another_pace_holds_from_now_on(self, running):
        with transaction():
            find(running).paced_until = clock.now() + MINUTE
        with transaction():
            steering.set_pace(running, 7)

        assert (find(running).pace, find(running).paced_until) == (7, None)

    def test_each_act_is_in_the_audit_with_how_far_it_had_come(self, running):
        with transaction():
            find(running).done = 3
        for act in (lambda: steering.set_pace(running, 7), lambda: steering.stop(running)):
            with transaction():
                act()

        acts = select(AuditEvent).where(AuditEvent.tag.in_(["mass_ending_paced", "mass_ending_stopped"]))
        entries = db.session.scalars(acts.order_by(AuditEvent.tag)).all()
        assert [one.tag for one in entries] == ["mass_ending_paced", "mass_ending_stopped"]
        for one in entries:
            assert (one.actor, one.detail) == (
                "admin",
                {"mass_ending_id": str(running), "done": 3, "pace": 7},
            )

    def test_what_is_resumed_goes_on_at_once(self, running):
        with transaction():
            steering.stop(running)
            find(running).paced_until = clock.now() + MINUTE
        with transaction():
            steering.resume(running)

        assert (find(running).stopped_at, find(running).paced_until) == (None, None)

    def test_what_is_asked_twice_says_how_it_stands(self, running):
        with pytest.raises(steering.NotSteerable, match=r"is not stopped$"), transaction():
            steering.resume(running)
        with transaction():
            steering.stop(running)
        with pytest.raises(steering.NotSteerable, match=r"is already stopped$"), transaction():
            steering.stop(running)
