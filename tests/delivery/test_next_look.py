"""When the dispatcher looks again, and how long it waits: values in, a value out."""

import math
from itertools import product

import pytest

from provider.delivery.next_look import (
    LONGEST_PAUSE,
    NEVER,
    SHORTEST_PAUSE,
    Leased,
    NextLook,
    NoPermit,
    NothingDue,
    ResultsBehind,
    pause,
    plan,
)

# A look began at BEGAN and is over at NOW.
BEGAN, NOW = 100.0, 100.5
SOON = BEGAN + SHORTEST_PAUSE
AT_ONCE = 0.0
BOTH = (False, True)


@pytest.mark.parametrize(
    ("found", "at", "awaits_release", "is_drained"),
    [
        pytest.param(NothingDue(), NEVER, False, True, id="nothing is due"),
        pytest.param(NoPermit(), NEVER, True, False, id="every permit is in use"),
        pytest.param(NoPermit(is_limit_reached=True), NEVER, False, False, id="a drain's limit is reached"),
        pytest.param(ResultsBehind(), SOON, False, False, id="results wait to be written"),
        pytest.param(Leased(taken=0, may_be_more=False), NEVER, False, True, id="a lease of nothing"),
        pytest.param(Leased(taken=3, may_be_more=False), NEVER, False, True, id="all that is due"),
        pytest.param(Leased(taken=3, may_be_more=True), AT_ONCE, True, False, id="more, and many permits"),
        pytest.param(
            Leased(taken=3, may_be_more=True, is_half_free=False), SOON, True, False, id="more, few permits"
        ),
        pytest.param(
            Leased(taken=3, may_be_more=True, has_free=False, is_half_free=False),
            NEVER,
            True,
            False,
            id="more, but no permit",
        ),
        pytest.param(
            Leased(taken=0, may_be_more=True, is_full=True, has_free=False, is_half_free=False),
            NEVER,
            True,
            False,
            id="nothing taken, for there was no capacity",
        ),
        pytest.param(
            Leased(taken=0, may_be_more=True, has_held=True), NEVER, True, True, id="breakers hold all of it"
        ),
        pytest.param(
            Leased(taken=0, may_be_more=True, has_held=True, is_limited=True),
            NEVER,
            True,
            False,
            id="the limits hold all of it until something ends",
        ),
        pytest.param(
            Leased(taken=1, may_be_more=False, has_held=True, held_until=NOW + 7),
            NOW + 7,
            True,
            True,
            id="a trial is due in a while",
        ),
        pytest.param(
            Leased(taken=1, may_be_more=False, has_held=True, held_until=NOW - 7),
            NOW + SHORTEST_PAUSE,
            True,
            True,
            id="a trial that another worker makes is overdue",
        ),
        pytest.param(
            Leased(taken=1, may_be_more=True, has_held=True, held_until=NOW + 7, is_half_free=False),
            SOON,
            True,
            False,
            id="more of others beside one that waits",
        ),
        pytest.param(
            Leased(taken=1, may_be_more=True, has_held=True, held_until=NOW + 7, has_free=False),
            NOW + 7,
            True,
            False,
            id="no permit beside one that waits",
        ),
    ],
)
def test_the_next_look(found, at: float, awaits_release: bool, is_drained: bool) -> None:
    planned = plan(found, BEGAN, NOW)

    assert (planned.at, planned.awaits_release, planned.is_drained) == (at, awaits_release, is_drained)
    assert planned.looked_at == BEGAN


@pytest.mark.parametrize(
    ("took", "put_off"),
    [
        pytest.param(0.01, 0.01, id="as long as the last look took"),
        pytest.param(7.0, SHORTEST_PAUSE, id="no longer than a moment"),
    ],
)
def test_releases_make_looks_take_at_most_half_of_the_time(took: float, put_off: float) -> None:
    limited = Leased(taken=1, may_be_more=False, has_held=True, is_limited=True)

    planned = plan(limited, BEGAN, BEGAN + took).after_release(is_half_free=True)

    assert planned.at == pytest.approx(BEGAN + took + put_off)


def every_look():
    """Every combination of what a lease may have found."""
    names = ("may_be_more", "is_full", "has_held", "is_limited", "has_free", "is_half_free")
    for taken, held_until, *flags in product((0, 5), (None, NOW - 1, NOW + 1), *[BOTH] * len(names)):
        yield Leased(taken=taken, held_until=held_until, **dict(zip(names, flags, strict=True)))


def test_no_claim_leaves_work_without_a_next_look() -> None:
    for leased in every_look():
        planned = plan(leased, BEGAN, NOW)
        is_cut_short = leased.may_be_more and (leased.taken > 0 or leased.is_full)
        # Time or a release brings the next look to whatever has to wait.
        assert not (is_cut_short or leased.has_held) or planned.awaits_release, leased
        assert leased.held_until is None or planned.at < NEVER, leased
        assert not (is_cut_short and leased.has_free) or planned.at <= SOON, leased


def test_a_claim_that_is_not_repeated_at_once_is_put_off_for_a_moment_at_least() -> None:
    for leased in every_look():
        at = plan(leased, BEGAN, NOW).at
        assert at == AT_ONCE or at >= BEGAN + SHORTEST_PAUSE, leased


def test_nothing_is_drained_while_more_may_be_started() -> None:
    for leased in every_look():
        is_cut_short = leased.may_be_more and (leased.taken > 0 or leased.is_full)
        assert plan(leased, BEGAN, NOW).is_drained == (not is_cut_short and not leased.is_limited), leased


@pytest.mark.parametrize(
    ("awaits_release", "is_half_free", "planned_at", "at"),
    [
        pytest.param(True, True, NEVER, AT_ONCE, id="much can be leased"),
        pytest.param(True, False, NEVER, SOON, id="little can be leased"),
        pytest.param(True, False, 50.0, 50.0, id="it was to look sooner anyway"),
        pytest.param(False, True, NEVER, NEVER, id="nothing waits for a permit"),
        pytest.param(False, True, 107.0, 107.0, id="only a trial is waited for"),
    ],
)
def test_a_released_permit_brings_the_look_forward(
    awaits_release: bool, is_half_free: bool, planned_at: float, at: float
) -> None:
    before = NextLook(BEGAN, planned_at, awaits_release=awaits_release, is_drained=True)

    after = before.after_release(is_half_free=is_half_free)

    assert after == NextLook(BEGAN, at, awaits_release=awaits_release, is_drained=True)


@pytest.mark.parametrize(("other", "at"), [(90.0, 90.0), (110.0, 105.0), (105.0, 105.0), (NEVER, 105.0)])
def test_the_earlier_of_two_instants_counts(other: float, at: float) -> None:
    assert NextLook(BEGAN, 105.0).no_later_than(other).at == at


@pytest.mark.parametrize(
    ("at", "conditions", "seconds"),
    [
        pytest.param(NEVER, {}, LONGEST_PAUSE, id="idle"),
        pytest.param(NOW + 2, {}, 2.0, id="a look is due"),
        pytest.param(NOW - 2, {}, 0.0, id="a look is overdue"),
        pytest.param(AT_ONCE, {}, 0.0, id="a look at once"),
        pytest.param(NEVER, {"is_busy": True}, SHORTEST_PAUSE, id="an attempt may stall"),
        pytest.param(NOW + 0.01, {"is_busy": True}, 0.01, id="a look before one stalls"),
        pytest.param(NEVER, {"write_in": 0.2}, 0.2, id="something is to be written"),
        pytest.param(NOW + 0.1, {"write_in": 0.2}, 0.1, id="a look before it is to be written"),
        pytest.param(NEVER, {"is_asked": True}, 0.0, id="a look was asked for"),
        pytest.param(NEVER, {"is_asked": True, "is_closing": True}, LONGEST_PAUSE, id="asked, but closing"),
        pytest.param(NOW - 2, {"is_closing": True}, LONGEST_PAUSE, id="overdue, but closing"),
        pytest.param(NOW, {"is_closing": True, "is_busy": True}, SHORTEST_PAUSE, id="closing, still busy"),
        pytest.param(NOW, {"is_closing": True, "write_in": 0.0}, 0.0, id="closing, with more to write"),
    ],
)
def test_the_pause(at: float, conditions: dict, seconds: float) -> None:
    usual = {"is_asked": False, "is_closing": False, "is_busy": False, "write_in": math.inf}

    waited = pause(NextLook(BEGAN, at), NOW, **(usual | conditions))

    assert waited == pytest.approx(seconds)
