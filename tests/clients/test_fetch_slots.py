"""Slots for fetching: few for one host or registrant, fewer for registrants whose hosts hung lately."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from provider.clients.fetch_slots import HANGS, REST, FetchSlots, NoSlotFree
from tests.support.waiting import wait_until


class Hand:
    """The hand of a clock, in seconds."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture
def slots(hand: Hand) -> FetchSlots:
    return FetchSlots(6, now=hand)


def url(host: str) -> str:
    return f"https://{host}.test/keys"


def taken(slots: FetchSlots, wanted: list[tuple[str, str | None]]) -> list[bool]:
    """Return for each, of a host and a registrant, whether it gets a slot while those before keep theirs."""
    got = []
    with ExitStack() as held:
        for host, registrant in wanted:
            try:
                held.enter_context(slots.hold(url(host), registrant, patience=0.0))
                got.append(True)
            except NoSlotFree:
                got.append(False)
    return got


def hang(slots: FetchSlots, hand: Hand, host: str, registrant: str) -> None:
    with slots.hold(url(host), registrant):
        hand.at += HANGS + 1


@pytest.mark.parametrize(
    ("wanted", "got"),
    [
        pytest.param([("a", "r"), ("b", "r"), ("c", "r"), ("d", "s")], [1, 1, 0, 1], id="one registrant"),
        pytest.param([("a", r) for r in "rstu"] + [("b", "u")], [1, 1, 1, 0, 1], id="one host"),
        pytest.param(
            [("a", "r"), ("b", "r"), ("c", "s"), ("d", "s"), ("e", "t")], [1, 1, 1, 0, 1], id="half are taken"
        ),
        pytest.param([(h, h) for h in "abcdef"] + [("g", None)], [1] * 5 + [0, 1], id="unproven hosts"),
        pytest.param([("a", None)] * 5 + [("b", None)], [1] * 4 + [0, 1], id="the operator's hosts"),
    ],
)
def test_who_gets_a_slot(slots, wanted, got):
    assert taken(slots, wanted) == [bool(one) for one in got]


def test_registrants_whose_hosts_hung_share_two_slots_for_a_while(slots, hand):
    for registrant in "rstu":
        hang(slots, hand, registrant, registrant)
    wanted = [("a", "r"), ("b", "s"), ("c", "t"), ("d", "new")]

    assert taken(slots, wanted) == [True, True, False, True]
    hand.at += REST
    assert taken(slots, wanted) == [True] * 4


def test_a_host_that_answered_last_time_does_not_suffer_for_its_registrant(slots, hand):
    for registrant in "rst":
        hang(slots, hand, f"bad-{registrant}", registrant)
    with slots.hold(url("good"), "t"):
        pass

    assert taken(slots, [("a", "r"), ("b", "s"), ("bad-t", "t"), ("good", "t")]) == [True, True, False, True]


def test_a_slot_that_is_given_back_goes_to_who_waits(slots):
    with ThreadPoolExecutor(1) as threads:
        with slots.hold(url("a"), "r"), slots.hold(url("a"), "r"):
            third = threads.submit(taken_once, slots)
            wait_until(lambda: slots._waiting)
        assert third.result()


def taken_once(slots: FetchSlots) -> bool:
    with slots.hold(url("a"), "r", patience=60):
        return True


def test_no_request_waits_for_a_host_that_hangs(slots, hand):
    with slots.hold(url("a"), "r"), slots.hold(url("a"), "r"):
        hand.at += 1
        with pytest.raises(NoSlotFree), slots.hold(url("a"), "r", patience=60):
            pass
