"""The service level in the admin API: the numbers of a window, and what missed the minute."""

import pytest

from provider.infrastructure import clock
from provider.infrastructure.database import db, transaction
from provider.logout.notification.punctuality import ALL, Grain, MissedNotification, NotificationCount
from tests.delivery.owing import sign_out_at

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_a_window_is_answered_in_all_and_by_client_with_what_was_missed(admin, red):
    (owed,) = sign_out_at(red)
    with transaction():
        begin = Grain.HOUR.begin(clock.now())
        counts = {"in_time": 3, "late": 1, "unreachable": 2}
        for key in (red.id, ALL):
            db.session.add(NotificationCount(grain="hour", begin=begin, client_id=key, **counts))
        db.session.add(MissedNotification(delivery_id=owed.id, client_id=red.id, why="late"))

    level, in_all = admin.get("/service-level", client_id="red"), admin.get("/service-level")
    missed = admin.get("/service-level/missed", why="late", client_id="red")

    assert in_all["total"] == level["total"] | {"client_id": None}
    assert level["total"] == level["clients"][0] == {"client_id": "red", "share": 0.75} | counts
    assert [one["id"] for one in missed["items"]] == [str(owed.id)]
    assert admin.get("/service-level/missed", why="unreachable")["items"] == []
    assert admin.get("/service-level", window="1h")["total"]["share"] is None


def test_what_is_not_declared_is_refused(admin):
    assert admin.get("/service-level", 422, window="7d")["errors"][0]["pointer"] == "/window"
    assert admin.get("/service-level/missed", 422, why="in_time")["errors"][0]["pointer"] == "/why"
    admin.get("/service-level", 422, since="2026-01-01T00:00:00Z")
    admin.get("/service-level", 404, client_id="nobody")
