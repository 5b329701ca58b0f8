"""Notifications that are in time, late or missed by their app, and how they are counted."""

import secrets
from datetime import timedelta
from itertools import pairwise
from uuid import UUID

import pytest
from sqlalchemy import func, select, update

from provider.delivery.models import BreakerState, Delivery, EndpointHealth
from provider.infrastructure import clock
from provider.infrastructure.database import change, db, transaction
from provider.infrastructure.opaque_tokens import first_id_at
from provider.inspection.slo import Window, list_missed, look
from provider.logout.notice import BACKCHANNEL_LOGOUT
from provider.logout.notification import punctuality
from provider.logout.notification.punctuality import JudgedMinute, NotificationCount, Punctuality
from tests.delivery.owing import sign_out_at as sign_out
from tests.factories import make_account

SOON, LATE = timedelta(seconds=60), timedelta(seconds=61)


@pytest.fixture
def begun(app, turned_clock):
    """A provider at a quarter past some minute, which judges from now on."""
    turned_clock.turn(timedelta(seconds=75 - clock.now().second))
    punctuality.judge()
    return turned_clock


def sign_out_at(*clients, account=None) -> list[Delivery]:
    """Return the deliveries of a sign-out, with identifiers of the turned clock."""
    owed = sign_out(*clients, account=account)
    with transaction():
        ids = [renamed(one) for one in owed]
    return [db.session.get_one(Delivery, key) for key in ids]


def renamed(owed: Delivery) -> UUID:
    new = UUID(int=first_id_at(owed.created_at).int | secrets.randbits(60))
    change(update(Delivery).where(Delivery.id == owed.id).values(id=new))
    return new


def settle(delivery: Delivery, *, after: dict[str, timedelta], **values: object) -> None:
    with transaction():
        one = db.session.get(Delivery, delivery.id)
        for name, value in values.items():
            setattr(one, name, value)
        for name, span in after.items():
            setattr(one, name, one.created_at + span)


def judge(clock_) -> None:
    clock_.turn(timedelta(minutes=3))
    assert not punctuality.judge()
    db.session.expire_all()


CASES = [
    pytest.param(
        "in_time",
        {"state": "accepted"},
        {"finished_at": SOON, "first_attempt_at": SOON},
        id="in time",
    ),
    pytest.param(
        "late",
        {"state": "accepted"},
        {"finished_at": LATE, "first_attempt_at": LATE},
        id="a second later",
    ),
    pytest.param(
        "late",
        {"state": "accepted"},
        dict.fromkeys(("finished_at", "first_attempt_at"), SOON + timedelta(milliseconds=400)),
        id="less than half a second later",
    ),
    pytest.param(
        "unreachable",
        {"state": "accepted", "last_outcome": "accepted"},
        {"finished_at": LATE, "first_attempt_at": SOON},
        id="accepted late after an attempt that failed",
    ),
    pytest.param("late", {}, {}, id="no attempt was made"),
    pytest.param("late", {"last_outcome": "crashed"}, {"first_attempt_at": SOON}, id="a worker crashed"),
    pytest.param("unreachable", {"last_outcome": "timeout"}, {"first_attempt_at": SOON}, id="no response"),
    pytest.param("unreachable", {"last_outcome": "no_address"}, {}, id="its address was taken away"),
    pytest.param(None, {"state": "superseded"}, {"finished_at": SOON}, id="superseded in time"),
    pytest.param(None, {"state": "cancelled"}, {"finished_at": SOON}, id="cancelled in time"),
    pytest.param("late", {"state": "cancelled"}, {"finished_at": LATE}, id="cancelled too late"),
]


@pytest.mark.parametrize(("expected", "values", "after"), CASES)
def test_a_notification_is_judged_by_what_happened_within_a_minute(begun, red, expected, values, after):
    (owed,) = sign_out_at(red)
    settle(owed, after=after, **values)

    judge(begun)

    total = look(Window.HOUR).total
    counted = {one.value: getattr(total, one.value) for one in Punctuality}
    assert counted == {one.value: int(one.value == expected) for one in Punctuality}
    assert look(Window.MONTH).total == look(Window.DAY).total == total
    missed = {
        why.value: [one.id for one in list_missed(why, since=clock.now() - timedelta(hours=1))]
        for why in (Punctuality.LATE, Punctuality.UNREACHABLE)
    }
    assert missed == {why: [owed.id] if why == expected else [] for why in missed}


def test_a_minute_is_as_long_at_any_time_of_the_day(begun, ada, red):
    for _ in range(20):
        (owed,) = sign_out_at(red, account=ada)
        settle(owed, after={"finished_at": SOON, "first_attempt_at": SOON}, state="accepted")
        begun.turn(timedelta(seconds=7))

    judge(begun)

    total = look(Window.DAY).total
    assert (total.in_time, total.late, total.unreachable) == (20, 0, 0)


def test_what_an_app_misses_that_fails_already_is_not_the_providers_fault(begun, red, green):
    with transaction():
        for client, since in ((red, timedelta(hours=-1)), (green, timedelta(seconds=90))):
            health = {"consecutive_failures": 9, "window_attempts": 9, "window_failures": 9, "trips": 1}
            at = clock.now() + since
            db.session.add(
                EndpointHealth(
                    kind=BACKCHANNEL_LOGOUT,
                    recipient_id=client.id,
                    state=BreakerState.OPEN,
                    failing_since=at,
                    **health,
                )
            )
    sign_out_at(red, green)

    judge(begun)

    by_client = {one.client_id: one for one in look(Window.DAY).clients}
    assert (by_client[red.id].unreachable, by_client[red.id].share) == (1, None)
    assert (by_client[green.id].late, by_client[green.id].share) == (1, 0)


def test_the_share_is_over_reachable_apps_in_all_and_by_client(begun, red, green):
    ada = make_account("ada")
    owed = [one for _ in range(3) for one in sign_out_at(red, green, account=ada)]
    accepted = {"finished_at": timedelta(seconds=1), "first_attempt_at": timedelta(seconds=1)}
    for one in owed[:4]:
        settle(one, after=accepted, state="accepted")
    settle(owed[5], after={"first_attempt_at": SOON}, last_outcome="timeout")

    judge(begun)

    seen = look(Window.HOUR)
    assert (seen.total.in_time, seen.total.late, seen.total.unreachable) == (4, 1, 1)
    assert seen.total.share == 0.8
    assert [one.client_id for one in seen.clients] == [red.id, green.id]
    assert [one.share for one in seen.clients] == [pytest.approx(2 / 3), 1]
    assert look(Window.HOUR, client_pk=green.id).total == seen.clients[1].__class__(in_time=2, unreachable=1)
    late = list_missed(Punctuality.LATE, since=seen.since, client_pk=green.id)
    assert late == []


def test_a_minute_is_judged_once_and_none_is_left_out_after_a_time_without_workers(begun, red):
    begun.turn(timedelta(minutes=30))
    sign_out_at(red)
    judge(begun)

    begun.turn(timedelta(minutes=90))
    assert punctuality.judge()
    assert not punctuality.judge()

    assert look(Window.DAY).total.late == 1
    assert look(Window.HOUR).total.late == 0
    begins = list(db.session.scalars(select(JudgedMinute.begin).order_by(JudgedMinute.begin)))
    assert {second - first for first, second in pairwise(begins)} == {timedelta(minutes=1)}


def test_what_is_too_young_is_not_judged_yet(begun, red):
    sign_out_at(red)
    begun.turn(timedelta(seconds=70))

    punctuality.judge()

    assert look(Window.HOUR).clients == ()


def test_counts_are_kept_for_their_window_and_the_last_minute_always(begun, red):
    sign_out_at(red)
    judge(begun)
    begun.turn(timedelta(days=40))

    with transaction():
        while punctuality.prune(100):
            pass

    assert db.session.scalar(select(func.count()).select_from(NotificationCount)) == 0
    assert db.session.scalar(select(func.count()).select_from(JudgedMinute)) == 1
