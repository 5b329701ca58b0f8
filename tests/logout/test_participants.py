"""The participants of a logout, as its rows are at this moment."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from provider.infrastructure import clock
from provider.infrastructure.database import change, db, transaction
from provider.logout.participants import lock_free_grants, lock_of_sessions
from provider.sessions.models import ClientSession, Session
from tests.factories import make_account, make_client, make_session


def test_the_live_client_sessions_of_some_sessions_are_locked(app):
    ada, red, green = make_account("ada"), make_client("red"), make_client("green")
    both, device, other = (make_session(ada, clients) for clients in ([red, green], [green], [red]))
    with transaction():
        # Only what a statement wrote past the rows in memory tells an old state from a new one.
        assert {one.ended_at for one in (both.client_sessions["red"], both.client_sessions["green"])} == {
            None
        }
        change(
            update(ClientSession)
            .where(ClientSession.id == both.client_sessions["red"].id)
            .values(ended_at=clock.now())
        )
        change(update(Session).where(Session.id == device.session.id).values(is_device=True))

        found = lock_of_sessions([both.session.id, device.session.id])

    assert other.session.id not in found
    assert {
        key: [(one.client.client_id, one.sid, one.is_device) for one in those] for key, those in found.items()
    } == {
        both.session.id: [("green", both.client_sessions["green"].sid, False)],
        device.session.id: [("green", device.client_sessions["green"].sid, True)],
    }
    db.session.commit()


@pytest.mark.parametrize(
    ("expired_for", "count"),
    [(timedelta(0), 0), (timedelta(microseconds=-1), 1)],
    ids=["at the instant", "later"],
)
def test_a_grant_on_its_own_has_nothing_to_end_if_it_had_expired(ada, red, expired_for, count):
    alone = make_session(ada, [red], offline=("red",))
    with transaction():
        alone.client_sessions["red"].ended_at = clock.now()

    with transaction():
        found = lock_free_grants([alone.grants["red"].id], alone.grants["red"].expires_at + expired_for)

    assert [len(those) for those in found.values()] == [count]


def test_a_grant_with_a_client_session_is_found_once(ada, red):
    grant = make_session(ada, [red], offline=("red",)).grants["red"]

    with transaction():
        found = lock_free_grants([grant.id], clock.now())

    assert [[one.client_session is not None for one in those] for those in found.values()] == [[True]]
