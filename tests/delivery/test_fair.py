"""Whose turn it is (DLV-13)."""

from uuid import UUID, uuid4

from provider.delivery.fair import Choice, Most, Waiting, choose

RED, GREEN, BLUE = uuid4(), uuid4(), uuid4()
NAMES = {RED: "red", GREEN: "green", BLUE: "blue"}


def choose_of(
    *waiting: tuple[UUID, int], most: int = 100, urgent_more: int = 0, room: dict[UUID, int] | None = None
):
    """Choose of what waits, given as client and priority; returns whose it is in order, and who must wait."""
    rows = [Waiting(uuid4(), client_id, priority) for client_id, priority in waiting]
    left = {RED: 100, GREEN: 100, BLUE: 100} | (room or {})

    def take(one: Waiting):
        left[one.client_id] -= 1
        return (lambda succeeded, sent_to=None: None) if left[one.client_id] >= 0 else None

    choice = Choice()
    choose(rows, take, Most(most, most + urgent_more), choice)
    of = {row.id: NAMES[row.client_id] for row in rows}
    return [of[key] for key in choice.places], {NAMES[key] for key in choice.held}


def test_apps_have_their_turns():
    chosen, held = choose_of((RED, 1), (RED, 1), (RED, 1), (GREEN, 1), (BLUE, 1), (GREEN, 1))

    assert chosen == ["red", "green", "blue", "red", "green", "red"]
    assert held == set()


def test_the_urgent_go_first_whoever_has_had_a_turn():
    chosen, _ = choose_of((RED, 0), (RED, 0), (GREEN, 1), (RED, 1))

    assert chosen == ["red", "red", "green", "red"]


def test_an_app_without_room_waits_and_takes_nobodys_place():
    chosen, held = choose_of((RED, 1), (RED, 1), (RED, 1), (GREEN, 1), most=2, room={RED: 1})

    assert chosen == ["red", "green"]
    assert held == set()


def test_an_app_that_must_wait_is_named():
    chosen, held = choose_of((RED, 1), (RED, 1), (GREEN, 1), room={RED: 1})

    assert chosen == ["red", "green"]
    assert held == {"red"}


def test_the_urgent_may_be_more_than_the_others():
    chosen, held = choose_of((RED, 0), (GREEN, 0), (BLUE, 1), most=1, urgent_more=1)

    assert chosen == ["red", "green"]
    assert held == set()
