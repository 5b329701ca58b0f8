"""The state of a logout at each app, as its result page reads it."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from provider.clients.own import CONSOLE_ID
from provider.delivery.models import BreakerState, Delivery, EndpointHealth
from provider.grants.models import Grant
from provider.infrastructure.database import change, db, transaction
from provider.logout.end_session import end
from provider.logout.everywhere import end_everywhere
from provider.logout.models import Logout, LogoutReason
from provider.logout.notice import BACKCHANNEL_LOGOUT
from provider.logout.notification.progress import (
    Progress,
    find_by_result_handle,
    list_app_states,
    list_untried,
    progress_of,
)
from provider.logout.steps import Cause
from provider.sessions.models import ClientSession
from provider.worker import duties
from tests.factories import make_account, make_client, make_session

pytestmark = pytest.mark.usefixtures("turned_clock")

BY_ADA = Cause(reason=LogoutReason.USER, initiator="account")


def end_all(ada):
    with transaction():
        return end_everywhere(ada, BY_ADA)


def sign_out(made):
    with transaction():
        return end(made.session, BY_ADA)


def set_deliveries(outcome, *states: dict) -> None:
    """Give the deliveries of a logout these values, one each."""
    owed = select(Delivery.id).where(Delivery.cause_id == outcome.logout.id).order_by(Delivery.id)
    ids = list(db.session.scalars(owed))
    with transaction():
        for one, values in zip(ids, states, strict=True):
            change(update(Delivery).where(Delivery.id == one).values(**values))


FROM_BAD_TO_GOOD = ["pending", "expired", "superseded", "accepted"]


@pytest.mark.parametrize("worse", range(3))
@pytest.mark.parametrize("turned", [False, True], ids=["", "the other way round"])
def test_of_several_notifications_the_one_that_went_worst_is_shown(ada, red, turned_clock, worse, turned):
    make_session(ada, [red])
    make_session(ada, [red])
    outcome = end_all(ada)
    pair = [{"state": FROM_BAD_TO_GOOD[worse]}, {"state": FROM_BAD_TO_GOOD[worse + 1]}]
    # The bad one is also the one that finished first.
    pair[0]["finished_at"], pair[1]["finished_at"] = turned_clock(), turned_clock() + timedelta(seconds=9)

    set_deliveries(outcome, *reversed(pair) if turned else pair)

    (app,) = list_app_states(outcome.logout)
    assert app.state == FROM_BAD_TO_GOOD[worse]


def test_each_app_is_there_once_by_name_with_what_is_known_of_it(ada, red, turned_clock):
    clients = [red, make_client("green"), make_client("blue", backchannel_logout_uri=None)]
    make_session(make_account("ben"), clients)
    outcome = sign_out(make_session(ada, clients))
    at = turned_clock() + timedelta(seconds=1.5)
    done = {"state": "accepted", "last_outcome": "accepted", "finished_at": at}
    refusing = {"last_outcome": "bad_request", "refusals": 2}
    set_deliveries(outcome, done, refusing)

    blue, green, first = list_app_states(outcome.logout)

    assert [blue.name, green.name, first.name] == ["Blue", "Green", "Red"]
    assert (blue.state, blue.has_address, blue.ends_by, blue.was_tried) == (None, False, None, False)
    by_state = {one.state: one for one in (green, first)}
    accepted, waiting = by_state["accepted"], by_state["pending"]
    assert (accepted.was_tried, accepted.is_refusing, accepted.at, accepted.latency_ms) == (
        True,
        False,
        at,
        1500,
    )
    assert (waiting.was_tried, waiting.is_refusing, waiting.at, waiting.latency_ms) == (
        True,
        True,
        None,
        None,
    )
    assert (accepted.has_address, waiting.has_address) == (True, True)


def test_an_app_that_does_not_want_to_know_has_an_address_all_the_same(ada, turned_clock):
    make_session(ada, [make_client("quiet", settings={"told_of_expiry": False})])
    turned_clock.turn(timedelta(hours=2))
    duties.expire_sessions()

    (app,) = list_app_states(db.session.scalars(select(Logout)).one())

    assert (app.name, app.state, app.has_address) == ("Quiet", None, True)


def test_an_untried_delivery_says_so(ada, red):
    outcome = sign_out(make_session(ada, [red]))

    (app,) = list_app_states(outcome.logout)

    assert (app.state, app.was_tried, app.is_refusing) == ("pending", False, False)


def test_a_quiet_app_ends_by_the_lifetime_that_its_operator_has_stated(ada, turned_clock):
    hour = timedelta(hours=1)
    brief = make_client("brief", backchannel_logout_uri=None, settings={"session_lifetime": hour})
    silent = make_client("silent", backchannel_logout_uri=None)
    used_at = turned_clock()
    older = make_session(ada, [brief])
    turned_clock.turn(timedelta(minutes=7))
    late = make_session(ada, [brief, silent])
    outcome, last = sign_out(older), sign_out(late)

    (app,) = list_app_states(outcome.logout)
    assert app.ends_by == used_at + hour
    named = {one.name: one.ends_by for one in list_app_states(last.logout)}
    assert named == {"Brief": used_at + timedelta(minutes=7) + hour, "Silent": None}


def test_an_app_of_which_only_a_grant_ended_is_part_of_it(ada):
    mute = make_client("mute", backchannel_logout_uri=None)
    made = make_session(ada, [mute], offline=("mute",))
    sign_out(made)

    outcome = end_all(ada)

    assert [one.name for one in list_app_states(outcome.logout)] == ["Mute"]


def test_progress_counts_what_waits(ada, red):
    other = sign_out(make_session(ada, [red]))
    for _ in range(6):
        make_session(ada, [red])
    outcome = end_all(ada)
    set_deliveries(
        outcome,
        {"state": "pending"},
        {"state": "pending", "last_outcome": "unavailable"},
        {"state": "accepted"},
        {"state": "superseded"},
        {"state": "expired"},
        {"state": "cancelled"},
    )

    assert progress_of(outcome.logout.id) == Progress(untried=1, unconfirmed=4)
    assert progress_of(other.logout.id) == Progress(untried=1, unconfirmed=1)


def test_what_is_held_by_its_own_breaker_is_not_waited_for(ada, red, green):
    outcome = sign_out(make_session(ada, [red, green]))
    other = make_client("blue")
    with transaction():
        for client, state in ((other, BreakerState.OPEN), (green, BreakerState.CLOSED)):
            endpoint = {"kind": BACKCHANNEL_LOGOUT, "recipient_id": client.id}
            db.session.add(EndpointHealth(**endpoint, state=state))
    assert progress_of(outcome.logout.id).untried == 2

    with transaction():
        change(update(EndpointHealth).where(EndpointHealth.recipient_id == green.id).values(state="open"))

    assert progress_of(outcome.logout.id).untried == 1


def test_clients_of_which_no_attempt_has_finished_are_those_of_this_logout(ada, red, green):
    sign_out(make_session(ada, [make_client("blue")]))
    outcome = sign_out(make_session(ada, [red, green]))
    assert set(list_untried(outcome.logout.id)) == {red.id, green.id}

    with transaction():
        tried = update(Delivery).where(Delivery.recipient_id == red.id).values(last_outcome="timeout")
        change(tried)

    assert list_untried(outcome.logout.id) == [green.id]


def test_each_quiet_app_has_an_end_of_its_own(ada, turned_clock):
    hours = {name: timedelta(hours=number) for number, name in enumerate(("one", "two"), 1)}
    quiet = [
        make_client(name, backchannel_logout_uri=None, settings={"session_lifetime": lifetime})
        for name, lifetime in hours.items()
    ]

    outcome = sign_out(make_session(ada, quiet))

    ends = {one.name.lower(): one.ends_by for one in list_app_states(outcome.logout)}
    assert ends == {name: turned_clock() + lifetime for name, lifetime in hours.items()}


def test_an_app_whose_session_was_lost_is_shown_and_the_provider_itself_is_not(ada, red):
    outcome = sign_out(make_session(ada, [red, make_client(CONSOLE_ID)]))
    with transaction():
        change(update(ClientSession).values(logout_id=None))
        change(update(Grant).where(Grant.client_id == red.id).values(logout_id=None))

    assert [one.name for one in list_app_states(outcome.logout)] == ["Red"]


def test_a_result_is_found_by_its_own_address_alone(ada, red):
    first, second = sign_out(make_session(ada, [red])), sign_out(make_session(ada, [red]))

    assert find_by_result_handle(first.result_handle).id == first.logout.id
    assert find_by_result_handle(second.result_handle).id == second.logout.id
    assert find_by_result_handle("unknown") is None
