"""The bulk logout that ended a session is named, and found at the right moment.

What is owed names the logout of its session.
"""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from provider.accounts.models import Account
from provider.audit.models import AuditEvent
from provider.delivery.models import Delivery
from provider.infrastructure import acting
from provider.infrastructure.acting import Operator
from provider.infrastructure.database import change, db, transaction
from provider.logout import expiry
from provider.logout.bulk import begin as bulk
from provider.logout.bulk.batch import end_sessions
from provider.logout.models import Logout
from provider.logout.notice import SID
from provider.sessions.models import ClientSession
from provider.worker import duties
from tests.factories import make_account, make_session

pytestmark = pytest.mark.usefixtures("turned_clock")

A_MINUTE = timedelta(minutes=1)


def begin(act, *arguments, by: str = "cleo"):
    with acting.acting_as(Operator(by, f"{by}@desk")), transaction():
        return act(*arguments, "admin")


def end_invalid(made) -> Logout:
    with transaction():
        outcome = expiry.end_invalid(made.session.id)
    assert outcome is not None
    return outcome.logout


def test_it_is_the_first_since_the_session_began(ada, red, turned_clock):
    begin(bulk.end_everybody, by="dora")
    turned_clock.turn(A_MINUTE)
    db.session.expire_all()
    made = make_session(ada, [red])
    turned_clock.turn(A_MINUTE)
    begin(bulk.end_of_client, red, by="dora")
    first = begin(bulk.end_everybody)
    turned_clock.turn(A_MINUTE)
    begin(bulk.end_everybody, by="dora")

    logout = end_invalid(made)

    assert (logout.bulk_logout_id, logout.reason, logout.initiator) == (first.id, "admin", "admin")
    assert (logout.actor_name, logout.actor_origin) == ("cleo", "cleo@desk")
    entry = db.session.scalars(select(AuditEvent).where(AuditEvent.tag == "logout")).one()
    assert (entry.actor, entry.actor_name, entry.actor_origin) == ("admin", "cleo", "cleo@desk")


def test_of_a_session_that_was_in_the_making_it_is_the_latest(ada, red, turned_clock):
    begin(bulk.end_everybody, by="dora")
    turned_clock.turn(A_MINUTE)
    latest = begin(bulk.end_everybody)
    begin(bulk.end_of_client, red, by="dora")
    turned_clock.turn(A_MINUTE)
    made = make_session(ada, [red])
    with transaction():
        made.session.provider_epoch = 0

    assert end_invalid(made).bulk_logout_id == latest.id


def test_one_that_begins_with_the_session_counts(ada, turned_clock):
    made = make_session(ada)
    begun = begin(bulk.end_everybody)
    turned_clock.turn(A_MINUTE)
    begin(bulk.end_everybody, by="dora")

    assert end_invalid(made).bulk_logout_id == begun.id


def test_a_session_that_had_expired_did_not_end_by_it(ada, turned_clock):
    made = make_session(ada)
    turned_clock.turn(timedelta(hours=1))
    begin(bulk.end_everybody)

    logout = end_invalid(made)

    assert (logout.reason, logout.bulk_logout_id, logout.initiator) == ("idle_timeout", None, "system")


def test_one_that_expired_afterwards_did(ada, turned_clock):
    made = make_session(ada)
    begun = begin(bulk.end_everybody)
    turned_clock.turn(timedelta(hours=2))

    assert end_invalid(made).bulk_logout_id == begun.id


def test_a_session_ends_at_its_very_end_and_not_before(ada, turned_clock):
    make_session(ada)
    turned_clock.turn(timedelta(hours=1, seconds=-1))
    assert expiry.list_expired(10) == []

    turned_clock.turn(timedelta(seconds=1))
    duties.expire_sessions()

    assert [one.reason for one in db.session.scalars(select(Logout))] == ["idle_timeout"]
    assert expiry.list_expired(10) == []


def test_those_that_expired_first_end_first(ada, turned_clock):
    late, early = make_session(ada), make_session(ada)
    with transaction():
        late.session.ends_at += A_MINUTE
    turned_clock.turn(timedelta(hours=2))

    assert list(expiry.list_expired(10)) == [early.session.id, late.session.id]


def test_only_a_bulk_logout_of_sessions_puts_off_those_already_revoked(ada, red):
    made = make_session(ada)
    lives = make_session(make_account("ben"))
    with transaction():
        change(update(Account).where(Account.id == ada.id).values(epoch=Account.epoch + 1))
    begin(bulk.end_of_client, red)

    assert list(expiry.list_already_revoked(10)) == [made.session.id]

    begin(bulk.end_everybody)
    assert list(expiry.list_already_revoked(10)) == []
    assert lives.session.ended_at is None


def test_each_notification_is_owed_because_of_the_logout_of_its_session(ada, ben, red, green):
    made = [make_session(one, [red, green]).session.id for one in (ada, ben)]
    begin(bulk.end_everybody)

    with transaction():
        end_sessions(made)

    owed = {(row[0], row[1]) for row in db.session.execute(select(SID, Delivery.cause_id))}
    ended = db.session.execute(select(ClientSession.sid, ClientSession.logout_id))
    assert owed == {(row[0], row[1]) for row in ended}
    assert len({logout_id for _, logout_id in owed}) == 2
