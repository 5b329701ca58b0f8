"""The numbers of the overview: bounded, and right about what they say."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from provider.console.charts import Column, bar_chart, round_up
from provider.delivery.models import Delivery
from provider.infrastructure import clock
from provider.infrastructure.database import db, transaction
from provider.inspection import overview
from provider.inspection.hours import Hour, count_hours
from provider.logout.end_session import end
from provider.logout.models import LogoutReason
from provider.logout.steps import Cause
from tests.factories import make_session


def total(hours: Sequence[Hour]) -> tuple[int, int]:
    return sum(one.sign_ins for one in hours), sum(one.logouts for one in hours)


def test_it_counts_sessions_logouts_and_what_waits(ada, red):
    make_session(ada, [red])
    ended = make_session(ada, [red])
    with transaction():
        end(ended.session, Cause(reason=LogoutReason.USER, initiator="account"))

    seen = overview.look()

    assert (seen.live_sessions.number, seen.deliveries["pending"]) == (1, 1)
    assert total(seen.hours) == (2, 1)
    assert seen.oldest_due is not None
    assert seen.latencies.percentile(0.5) is None


def test_looking_again_counts_what_came_since_and_nothing_twice(ada, turned_clock, statements):
    # Identifiers are of the real time, which may reach the next hour while the test runs.
    turned_clock.turn(timedelta(minutes=1))
    make_session(ada)
    assert total(overview.look().hours) == (1, 0)
    make_session(ada)

    with statements() as made:
        again = total(count_hours(clock.now()))

    assert (again, len(made)) == ((2, 0), 1)
    for later in (timedelta(minutes=5), timedelta(minutes=5), timedelta(hours=3)):
        turned_clock.turn(later)
        assert total(count_hours(clock.now())) == (2, 0)
    turned_clock.turn(timedelta(days=2))
    assert total(count_hours(clock.now())) == (0, 0)


def test_very_many_sessions_are_estimated_or_given_as_a_least_number(ada, monkeypatch):
    monkeypatch.setattr(overview, "MOST_COUNTED", 2)
    for _ in range(4):
        make_session(ada)

    seen = overview.look().live_sessions

    assert seen.number >= 2
    assert seen.is_estimate != seen.is_least


def test_latencies_are_those_of_what_was_accepted(ada, red, green):
    made = make_session(ada, [red, green])
    with transaction():
        end(made.session, Cause(reason=LogoutReason.USER, initiator="account"))
    with transaction():
        first, second = db.session.query(Delivery).order_by(Delivery.id)
        first.state, first.finished_at = "accepted", first.created_at + timedelta(seconds=2)
        second.state, second.finished_at = "expired", second.created_at + timedelta(days=3)

    seen = overview.look().latencies

    assert seen.seconds == (2.0,)
    assert (seen.percentile(0.99), seen.within(1, 10), seen.within(60, None)) == (2.0, 1, 0)


def test_the_percentile_is_the_nearest_rank():
    seen = overview.Latencies(seconds=tuple(float(one) for one in range(1, 201)))

    assert (seen.percentile(0.5), seen.percentile(0.99)) == (100.0, 198.0)


@pytest.mark.parametrize(
    ("highest", "top"), [(0, 4), (4, 4), (5, 10), (11, 20), (41, 60), (100, 100), (101, 200), (8001, 10000)]
)
def test_a_scale_ends_at_a_round_number(highest, top):
    assert round_up(highest) == top


def test_the_labels_below_a_chart_reach_from_its_first_column_to_its_last():
    def labels(count: int) -> list[str]:
        return [one.label for one in bar_chart(("a",), [Column(str(i), (1,)) for i in range(count)]).ticks]

    assert labels(24) == ["0", "6", "12", "17", "23"]
    assert [labels(count) for count in (0, 1, 2)] == [[], ["0"], ["0", "1"]]


def test_a_chart_has_a_bar_for_each_value_but_nothing():
    chart = bar_chart(("a", "b"), [Column("x", (4, 0)), Column("y", (2, 1))])

    assert [(bar.series, bar.height) for bar in chart.bars] == [(0, 100.0), (0, 50.0), (1, 25.0)]
    assert chart.slots[0].title == "x: 4 a, 0 b"
    assert chart.totals == (6, 1)
