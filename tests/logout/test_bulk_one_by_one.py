"""A bulk logout whose pace lets one row end at a time, and the rows that belong to it."""

import pytest
from sqlalchemy import select

from provider.delivery.models import Delivery
from provider.infrastructure import acting
from provider.infrastructure.acting import Operator
from provider.infrastructure.database import db, transaction
from provider.logout import fanout
from provider.logout.bulk import begin, steering
from provider.logout.bulk.queries import count_to_end, list_bulk_logouts, list_next
from provider.logout.bulk.walk import carry_on
from provider.logout.models import BulkLogout, BulkPhase, Logout, LogoutReason, LogoutScope
from tests.factories import make_account, make_session
from tests.support.reads import end_read

pytestmark = pytest.mark.usefixtures("turned_clock")


@pytest.fixture
def people(red, green):
    """Three people, signed in at two apps, with an offline grant each at red."""
    return [
        make_session(make_account(name), [red, green], offline=("red",)) for name in ("ada", "ben", "dan")
    ]


def begun(act, *arguments) -> BulkLogout:
    with acting.acting_as(Operator("cleo", "cleo@desk")), transaction():
        return act(*arguments, "admin")


def walked(bulk: BulkLogout, *, per_second: int) -> BulkLogout:
    with transaction():
        steering.set_pace(bulk.id, per_second)
    while (now := carry_on(5.0)) is not None:
        assert now.id == bulk.id
    db.session.expire_all()
    return bulk


def revoked(people, app: str) -> set[bool]:
    end_read()
    db.session.expire_all()
    return {one.grants[app].revoked_at is not None for one in people}


# With a hundred in a second two rows end at once, with fewer each ends alone.
@pytest.mark.usefixtures("people")
@pytest.mark.parametrize("per_second", [99, 1000])
class TestWhatEndsIsTheSame:
    def test_of_a_client_its_offline_grants_end_and_no_other_client_loses_anything(
        self, people, red, per_second, caplog
    ):
        bulk = walked(begun(begin.end_of_client, red), per_second=per_second)

        assert (bulk.total, bulk.done) == (3, 3)
        assert [line.message for line in caplog.records if line.levelname == "ERROR"] == []
        assert (revoked(people, "red"), revoked(people, "green")) == ({True}, {False})

    def test_each_logout_says_of_which_bulk_logout_it_is_and_who_began_that(self, red, per_second):
        bulk = walked(begun(begin.end_of_client, red), per_second=per_second)

        logouts = db.session.scalars(select(Logout)).all()
        said = {(one.bulk_logout_id, one.reason, one.initiator, one.actor_name) for one in logouts}
        assert len(logouts) == 3
        assert said == {(bulk.id, "admin", "admin", "cleo")}

    def test_what_is_owed_yields_to_the_sign_outs_of_people(self, red, per_second):
        walked(begun(begin.end_of_client, red), per_second=per_second)

        end_read()
        priorities = {one.priority for one in db.session.scalars(select(Delivery))}
        assert priorities == {fanout.priority_of(LogoutReason.ADMIN, LogoutScope.APP, in_bulk=True)}


class TestTheRowsOfOne:
    def test_are_those_of_its_client_though_another_is_under_way(self, people, red, green):
        of_red, of_green = begun(begin.end_of_client, red), begun(begin.end_of_client, green)
        for bulk, app in ((of_red, "red"), (of_green, "green")):
            assert list(list_next(bulk, 10)) == sorted(one.client_sessions[app].id for one in people)
            assert count_to_end(bulk) == 3
            with transaction():
                bulk.phase = BulkPhase.GRANTS
            assert list(list_next(bulk, 10)) == sorted(one.grants[app].id for one in people)

    def test_are_not_those_that_began_after_it(self, people, red):
        everybody = begun(begin.end_everybody)
        later = make_session(make_account("eve"), [red])

        assert later.session.id not in list_next(everybody, 10)
        assert list(list_next(everybody, 10)) == sorted(one.session.id for one in people)


def test_bulk_logouts_are_listed_newest_first_by_pages(app):
    made = [begun(begin.end_everybody).id for _ in range(4)]
    newest = sorted(made, reverse=True)

    assert [one.id for one in list_bulk_logouts(2)] == newest[:2]
    assert [one.id for one in list_bulk_logouts(2, after=newest[1])] == newest[2:]
    assert list_bulk_logouts(2, after=newest[3]) == []
