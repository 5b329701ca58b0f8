"""One logout in full, and the list of them, as operators ask for it."""

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select, update

from provider.delivery import outbox
from provider.delivery.models import Delivery, DeliveryAttempt
from provider.delivery.outbox import Owed, Owing
from provider.grants.models import Grant
from provider.infrastructure import acting, clock
from provider.infrastructure.acting import Operator
from provider.infrastructure.database import change, db, transaction
from provider.infrastructure.opaque_tokens import new_id
from provider.logout.detail import Filter, count_notifications, find_detail, find_logout, list_logouts
from provider.logout.end_client_session import end_client_session
from provider.logout.end_grant import end_grant
from provider.logout.end_session import end
from provider.logout.everywhere import end_everywhere
from provider.logout.models import Logout, LogoutReason
from provider.logout.steps import Cause
from provider.sessions.models import ClientSession, Session
from tests.factories import make_account, make_client, make_session

pytestmark = pytest.mark.usefixtures("turned_clock")

BY_ADA = Cause(reason=LogoutReason.USER, initiator="account")
MASS = uuid4()


def act(function, *arguments, cause: Cause = BY_ADA, **more):
    with transaction():
        return function(*arguments, cause, **more).logout


def ids(rows) -> list:
    return [row[0].id for row in rows]


def test_logouts_are_listed_newest_first_and_by_what_is_wanted(ada, red, green, turned_clock):
    ben, mute = make_account("ben"), make_client("mute", backchannel_logout_uri=None)
    first = act(end, make_session(ada, [red]).session)
    turned_clock.turn(timedelta(minutes=1))
    with acting.acting_as(Operator("cleo")):
        by_cleo = Cause(reason=LogoutReason.ADMIN, initiator="admin", bulk_logout_id=MASS)
    second = act(end, make_session(ben, [green, mute]).session, cause=by_cleo)
    # At the same instant.
    third = act(end, make_session(ben).session)

    def listed(**wanted) -> list:
        return ids(list_logouts(Filter(**wanted)))

    assert listed() == [third.id, second.id, first.id]
    assert [account.username for _, account in list_logouts(Filter())] == ["ben", "ben", "ada"]
    assert ids(list_logouts(Filter(), limit=2)) == [third.id, second.id]
    assert listed(account_id=ada.id) == [first.id]
    assert listed(bulk_logout_id=MASS) == [second.id]
    assert listed(actor_name="cleo") == [second.id]
    assert listed(since=second.at) == [third.id, second.id]
    assert listed(since=second.at + timedelta(seconds=1)) == []
    assert listed(client_pk=red.id) == [first.id]
    assert listed(client_pk=green.id) == [second.id]
    assert listed(client_pk=mute.id) == [second.id]


def test_a_logout_concerns_the_client_of_a_grant_alone(ada, red, green):
    mute = make_client("mute", backchannel_logout_uri=None)
    made = make_session(ada, [mute, red], offline=("mute", "red"))
    act(end, made.session)

    alone = act(end_grant, made.grants["mute"].id)

    assert alone.id in ids(list_logouts(Filter(client_pk=mute.id)))
    assert alone.id not in ids(list_logouts(Filter(client_pk=red.id)))


def test_notifications_are_counted_by_the_state_that_people_are_shown(ada, red):
    for _ in range(5):
        make_session(ada, [red])
    logout = act(end_everywhere, ada)
    other = act(end, make_session(make_account("ben"), [red]).session)
    silent = act(end, make_session(ada).session)
    owed = list(db.session.scalars(select(Delivery.id).where(Delivery.cause_id == logout.id)))
    values = [
        {"refusals": 2, "last_outcome": "bad_request"},
        {"refusals": 2, "last_outcome": "unavailable"},
        {"state": "accepted", "last_outcome": "accepted"},
        {"state": "accepted", "last_outcome": "accepted_oddly"},
        {"state": "expired"},
    ]
    for one, about in zip(owed, values, strict=True):
        with transaction():
            change(update(Delivery).where(Delivery.id == one).values(**about))

    assert count_notifications([logout.id, other.id, silent.id]) == {
        logout.id: {"refusing": 1, "to be notified": 1, "notified": 2, "expired": 1},
        other.id: {"to be notified": 1},
        silent.id: {},
    }


def test_notifications_of_several_logouts_in_the_same_state_are_counted_apart(ada, red):
    first, second = (act(end, make_session(ada, [red]).session) for _ in range(2))

    assert count_notifications([first.id, second.id]) == {
        first.id: {"to be notified": 1},
        second.id: {"to be notified": 1},
    }


def test_what_others_are_told_of_a_logout_is_none_of_its_notifications(ada, red):
    logout = act(end, make_session(ada, [red]).session)
    other = Owed(kind="weather", recipient_id=red.id, subject_key="storm")
    with transaction():
        outbox.enqueue([Owing(other, logout.id, 0)], at=clock.now(), horizon=timedelta(hours=1))

    assert count_notifications([logout.id]) == {logout.id: {"to be notified": 1}}
    assert [len(app.notifications) for app in find_detail(logout.id).apps] == [1]


def test_the_detail_holds_what_ended_what_survived_and_each_attempt(ada, red, green):
    mute = make_client("mute", backchannel_logout_uri=None)
    made = make_session(ada, [red, green, mute], offline=("green",))
    act(end, make_session(make_account("ben"), [red, green]).session)
    logout = act(end, made.session)
    delivery = db.session.scalars(
        select(Delivery).where(Delivery.cause_id == logout.id, Delivery.recipient_id == red.id)
    ).one()
    with transaction():
        for number in (2, 1):
            at = logout.at + timedelta(seconds=number)
            db.session.add(
                DeliveryAttempt(id=new_id(), delivery_id=delivery.id, number=number, started_at=at)
            )

    detail = find_detail(logout.id)

    assert (detail.logout.id, detail.account.id) == (logout.id, ada.id)
    assert [one.id for one in detail.sessions] == [made.session.id]
    ended = [(client_session.id, client.client_id) for client_session, client in detail.client_sessions]
    assert ended == sorted((made.client_sessions[name].id, name) for name in ("red", "green", "mute"))
    revoked = [(grant.id, client.client_id) for grant, client in detail.revoked]
    assert revoked == sorted((made.grants[name].id, name) for name in ("red", "mute"))
    assert [(g.id, c.client_id) for g, c in detail.surviving] == [(made.grants["green"].id, "green")]
    apps = [(app.client.client_id, app.state, len(app.notifications)) for app in detail.apps]
    assert apps == [("green", "to be notified", 1), ("mute", "not notified", 0), ("red", "to be notified", 1)]
    (notification,) = detail.apps[2].notifications
    assert [one.number for one in notification.attempts] == [1, 2]
    assert detail.apps[0].notifications[0].attempts == ()
    assert find_logout(logout.id).id == logout.id
    assert find_detail(uuid4()) is find_logout(uuid4()) is None


def test_a_session_that_lost_one_app_is_part_of_that_logout(ada, red, green):
    made = make_session(ada, [red, green])

    detail = find_detail(act(end_client_session, made.client_sessions["red"]).id)

    assert [one.id for one in detail.sessions] == [made.session.id]
    assert [client.client_id for _, client in detail.client_sessions] == ["red"]


def test_logouts_are_in_the_order_of_their_instants_and_then_of_their_ids(ada, turned_clock):
    logouts = [act(end, make_session(ada).session) for _ in range(3)]
    with transaction():
        # The first row is the latest in time; the other two are of one instant, the later row first.
        for one, at in zip(logouts, (1, 0, 0), strict=True):
            change(
                update(Logout).where(Logout.id == one.id).values(at=turned_clock() + timedelta(minutes=at))
            )
        last = new_id()
        change(update(Session).where(Session.logout_id == logouts[1].id).values(logout_id=None))
        change(update(Logout).where(Logout.id == logouts[1].id).values(id=last))

    assert ids(list_logouts(Filter())) == [logouts[0].id, last, logouts[2].id]


def test_a_page_goes_on_behind_the_last_one_of_the_page_before(ada):
    about = {"reason": "user", "scope": "app", "account_id": ada.id, "initiator": "x"}
    # The order of the ids is another one than that of the instants, and three are of one instant.
    made = [
        Logout(id=key, at=clock.now() + timedelta(minutes=minutes), **about)
        for key, minutes in zip(sorted(new_id() for _ in range(6)), (1, 0, 0, 0, -1, 2), strict=True)
    ]
    with transaction():
        db.session.add_all(made)
    newest = ids(list_logouts(Filter()))
    assert newest == [made[index].id for index in (5, 0, 3, 2, 1, 4)]

    for place, last in enumerate(newest):
        before = db.session.get(Logout, last)
        assert ids(list_logouts(Filter(), before=before)) == newest[place + 1 :]

    assert ids(list_logouts(Filter(until=made[1].at))) == [made[4].id]


def test_a_hundred_logouts_are_listed_unless_asked_otherwise(ada):
    about = {"at": clock.now(), "reason": "user", "scope": "app", "account_id": ada.id, "initiator": "x"}
    with transaction():
        db.session.add_all(Logout(id=new_id(), **about) for _ in range(101))

    assert len(list_logouts(Filter())) == 100


def test_a_session_without_an_app_is_part_of_its_logout(ada):
    made = make_session(ada)

    detail = find_detail(act(end, made.session).id)

    assert [one.id for one in detail.sessions] == [made.session.id]
    assert (detail.client_sessions, detail.apps) == ((), ())


def test_a_logout_concerns_the_client_of_a_grant_that_stays_and_of_a_session_that_was_lost(ada, red):
    mute = make_client("mute", backchannel_logout_uri=None)
    kept = act(end, make_session(ada, [mute], offline=("mute",)).session)
    lost = act(end, make_session(make_account("ben"), [red]).session)
    with transaction():
        # All that is left of it is the notification.
        for model in (ClientSession, Grant):
            change(update(model).where(model.logout_id == lost.id).values(logout_id=None))

    assert ids(list_logouts(Filter(client_pk=mute.id))) == [kept.id]
    assert ids(list_logouts(Filter(client_pk=red.id))) == [lost.id]


def test_what_survived_is_as_it_was_at_the_logout(ada, green, turned_clock):
    made = make_session(ada, [green], offline=("green",))
    first = act(end, made.session)
    assert [grant.id for grant, _ in find_detail(first.id).surviving] == [made.grants["green"].id]

    turned_clock.turn(timedelta(minutes=1))
    second = act(end_everywhere, ada)

    # It was revoked later and by another logout.
    assert [grant.id for grant, _ in find_detail(first.id).surviving] == [made.grants["green"].id]
    assert [grant.id for grant, _ in find_detail(second.id).revoked] == [made.grants["green"].id]
    assert find_detail(second.id).surviving == ()


@pytest.mark.parametrize("ends_at", ["revoked_at", "expires_at"])
def test_a_grant_that_was_revoked_at_the_logout_did_not_survive_it(ada, green, turned_clock, ends_at):
    made = make_session(ada, [green], offline=("green",))
    with transaction():
        setattr(made.grants["green"], ends_at, turned_clock())

    detail = find_detail(act(end, made.session).id)

    assert detail.surviving == detail.revoked == ()
