"""The fair order of deliveries (DLV-13)."""

from uuid import uuid4

import pytest

from provider.delivery.permit import Permit
from provider.delivery.recipient import Recipient
from provider.delivery.selection import Capacity, DueDelivery, Selection, select_fairly
from tests.delivery.permits import without_limit

RED, GREEN, BLUE = (Recipient("weather", uuid4()) for _ in range(3))
NAMES = {RED: "red", GREEN: "green", BLUE: "blue"}


def select_of(
    *due: tuple[Recipient, int],
    capacity: int = 100,
    urgent_more: int = 0,
    room: dict[Recipient, int] | None = None,
) -> tuple[list[str], set[str]]:
    """Select of recipients with priorities; returns the names of the selected in order, and of those held."""
    rows = [DueDelivery(uuid4(), recipient, priority) for recipient, priority in due]
    left = {RED: 100, GREEN: 100, BLUE: 100} | (room or {})

    def admit(one: DueDelivery) -> Permit | None:
        left[one.recipient] -= 1
        return without_limit(one) if left[one.recipient] >= 0 else None

    selection = Selection()
    select_fairly(rows, admit, Capacity(capacity, capacity + urgent_more), selection)
    of = {row.id: NAMES[row.recipient] for row in rows}
    return [of[key] for key in selection.permits], {NAMES[key] for key in selection.held}


def test_apps_take_turns():
    selected, held = select_of((RED, 1), (RED, 1), (RED, 1), (GREEN, 1), (BLUE, 1), (GREEN, 1))

    assert selected == ["red", "green", "blue", "red", "green", "red"]
    assert held == set()


def test_two_kinds_of_one_recipient_take_turns_and_wait_for_themselves():
    letters = Recipient("letters", RED.id)
    due = [DueDelivery(uuid4(), one, 1) for one in (RED, RED, letters)]
    selection = Selection(held={RED})

    select_fairly(due, without_limit, Capacity(9, 9), selection)

    assert list(selection.permits) == [due[2].id]


def test_urgent_deliveries_go_first_whatever_went_before():
    selected, _ = select_of((RED, 0), (RED, 0), (GREEN, 1), (RED, 1))

    assert selected == ["red", "red", "green", "red"]


def test_an_app_without_room_waits_and_uses_no_capacity():
    selected, held = select_of((RED, 1), (RED, 1), (RED, 1), (GREEN, 1), capacity=2, room={RED: 1})

    assert selected == ["red", "green"]
    assert held == set()


def test_an_app_that_has_to_wait_is_named():
    selected, held = select_of((RED, 1), (RED, 1), (GREEN, 1), room={RED: 1})

    assert selected == ["red", "green"]
    assert held == {"red"}


def test_the_urgent_may_be_more_than_the_others():
    selected, held = select_of((RED, 0), (GREEN, 0), (BLUE, 1), capacity=1, urgent_more=1)

    assert selected == ["red", "green"]
    assert held == set()


def test_an_app_that_has_to_wait_does_not_keep_the_next_ones_from_starting():
    selected, held = select_of((RED, 1), (GREEN, 1), (BLUE, 1), room={RED: 0})

    assert selected == ["green", "blue"]
    assert held == {"red"}


def test_what_is_left_for_the_urgent_alone_is_not_given_to_others():
    selected, _ = select_of((RED, 0), (GREEN, 1), (BLUE, 1), capacity=1, urgent_more=2)

    assert selected == ["red"]


@pytest.mark.parametrize(
    ("due", "capacity", "is_full"),
    [
        pytest.param([(RED, 1), (GREEN, 1)], 2, False, id="all of it was selected"),
        pytest.param([(RED, 1), (GREEN, 1), (BLUE, 1)], 2, True, id="one was left"),
        pytest.param([(RED, 0), (RED, 0), (GREEN, 1)], 1, True, id="an urgent one was left"),
        pytest.param([(RED, 0), (GREEN, 0), (GREEN, 1)], 1, True, id="urgent and other ones were left"),
    ],
)
def test_whether_some_were_left_for_want_of_capacity(due, capacity, is_full):
    selection = Selection()
    rows = [DueDelivery(uuid4(), recipient, priority) for recipient, priority in due]

    select_fairly(rows, without_limit, Capacity(capacity, capacity), selection)

    assert selection.is_full == is_full


def test_what_was_left_of_the_urgent_is_remembered():
    selection = Selection()
    rows = [DueDelivery(uuid4(), RED, 0), DueDelivery(uuid4(), GREEN, 0), DueDelivery(uuid4(), RED, 1)]
    selection.held.add(RED)

    select_fairly(rows, without_limit, Capacity(1, 0), selection)

    assert selection.is_full


def test_a_limit_bounds_both_kinds_of_capacity():
    usual = Capacity(usual=4, urgent=9)

    assert usual.at_most(None) == usual
    assert usual.at_most(6) == Capacity(usual=4, urgent=6)
    assert usual.at_most(2) == Capacity(usual=2, urgent=2)
