"""The counts of punctual notifications: their spans, what is counted in them, and how long they are kept."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from provider.delivery.models import BreakerState, EndpointHealth
from provider.delivery.recipient import Recipient
from provider.infrastructure import clock, current, metrics
from provider.infrastructure.database import db, transaction
from provider.infrastructure.opaque_tokens import first_id_at, new_id
from provider.inspection.slo import Window, look
from provider.logout.notification import punctuality
from provider.logout.notification.punctuality import (
    ALL,
    KEPT,
    Grain,
    JudgedMinute,
    MissedNotification,
    NotificationCount,
    Punctuality,
)
from tests.delivery.weather import owe_weather
from tests.logout.test_punctuality import SOON, begun, judge, renamed, settle, sign_out_at

__all__ = ["begun"]
MOMENT = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("grain", "begin", "end"),
    [
        (Grain.MINUTE, "2026-11-30T13:41Z", "2026-11-30T13:42Z"),
        (Grain.HOUR, "2026-11-30T13:00Z", "2026-11-30T14:00Z"),
        (Grain.DAY, "2026-11-30T00:00Z", "2026-12-01T00:00Z"),
    ],
)
def test_a_span_begins_with_its_first_instant(grain, begin, end):
    begin, end = datetime.fromisoformat(begin), datetime.fromisoformat(end)
    inside = begin + grain.span * 0.7

    assert [grain.begin(one) for one in (begin, inside, end - MOMENT)] == [begin] * 3
    assert grain.begin(end) == end
    assert grain.begin(begin - MOMENT) == begin - grain.span


def test_only_logouts_are_counted_and_only_the_health_of_their_endpoint_matters(begun, red):
    sign_out_at(red)
    # A recipient of another kind may have the identifier of a client.
    weather = owe_weather(Recipient("weather", red.id), "https://red.test/x")
    with transaction():
        renamed(weather)
        failing = {"kind": "weather", "recipient_id": red.id, "state": BreakerState.OPEN}
        db.session.add(EndpointHealth(**failing, failing_since=clock.now()))

    judge(begun)

    total = look(Window.HOUR).total
    assert (total.in_time, total.late, total.unreachable) == (0, 1, 0)


def test_what_was_given_up_within_the_minute_is_late(begun, red):
    [owed] = sign_out_at(red)
    settle(owed, after={"finished_at": SOON}, state="expired")

    judge(begun)

    assert look(Window.HOUR).total.late == 1


def test_what_is_judged_is_a_metric_by_client_and_punctuality(begun, red):
    def counted() -> float:
        return metrics.NOTIFICATIONS_JUDGED.labels("red", "late")._value.get()

    before = counted()
    sign_out_at(red)

    judge(begun)

    assert counted() - before == 1


@pytest.mark.usefixtures("begun")
class TestWhatIsKept:
    def count(self, grain: Grain, ago: timedelta) -> NotificationCount:
        return NotificationCount(
            grain=grain.value, begin=clock.now() - ago, client_id=ALL, in_time=1, late=0, unreachable=0
        )

    def prune(self, limit: int = 100) -> int:
        with transaction():
            return punctuality.prune(limit)

    def kept(self) -> list[tuple[str, timedelta]]:
        db.session.expire_all()
        rows = db.session.scalars(select(NotificationCount))
        return sorted((one.grain, clock.now() - one.begin) for one in rows)

    def test_each_grain_has_its_own_time_and_the_oldest_goes_first(self):
        young = [(grain.value, KEPT[grain]) for grain in Grain]
        with transaction():
            for grain in Grain:
                for more in (0, 1, 2):
                    db.session.add(self.count(grain, KEPT[grain] + more * grain.span))

        assert self.prune() == 3
        assert self.kept() == sorted(young + [(grain.value, KEPT[grain] + grain.span) for grain in Grain])
        assert self.prune() == 3
        assert self.kept() == sorted(young)
        assert self.prune() == 0

    def test_a_judged_minute_is_forgotten_after_two_hours_but_for_the_last(self):
        now = clock.now()
        with transaction():
            db.session.query(JudgedMinute).delete()
            kept = [now - KEPT[Grain.MINUTE], now]
            db.session.add_all(JudgedMinute(begin=at) for at in [now - timedelta(hours=9), *kept])

        assert self.prune() == 1
        assert sorted(db.session.scalars(select(JudgedMinute.begin))) == kept

    def test_a_miss_is_forgotten_with_its_delivery_some_at_a_time(self):
        retention = current.settings().delivery_retention
        old = sorted(UUID(int=first_id_at(clock.now() - retention).int - number) for number in (1, 2, 3))
        recent = new_id()
        with transaction():
            for one in (recent, *reversed(old)):
                miss = {"client_id": ALL, "why": Punctuality.LATE.value}
                db.session.add(MissedNotification(delivery_id=one, **miss))

        assert self.prune(limit=2) == 2
        kept = select(MissedNotification.delivery_id).order_by(MissedNotification.delivery_id)
        assert list(db.session.scalars(kept)) == [old[2], recent]
        assert self.prune() == 1
        assert list(db.session.scalars(kept)) == [recent]
