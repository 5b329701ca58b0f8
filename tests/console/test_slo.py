"""The page of the service level, the list behind its numbers, and the same in the admin API."""

from datetime import timedelta

import pytest

from provider.infrastructure import clock
from provider.infrastructure.database import db, transaction
from provider.logout.notification.punctuality import ALL, Grain, MissedNotification, NotificationCount
from tests.delivery.owing import sign_out_at

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def judged(red, green):
    """Red missed one notification by the provider's fault, green one by its own; red accepted 299."""
    owed = sign_out_at(red, green)
    with transaction():
        for key, numbers in ((red.id, (299, 1, 0)), (green.id, (0, 0, 1)), (ALL, (299, 1, 1))):
            for grain in Grain:
                in_time, late, unreachable = numbers
                begin = grain.begin(clock.now())
                counts = {"in_time": in_time, "late": late, "unreachable": unreachable}
                db.session.add(NotificationCount(grain=grain, begin=begin, client_id=key, **counts))
        for one, why in zip(owed, ("late", "unreachable"), strict=True):
            db.session.add(MissedNotification(delivery_id=one.id, client_id=one.recipient_id, why=why))
    return owed


def test_the_page_shows_the_share_of_each_window_and_leads_to_what_was_missed(console, judged):
    page = console.get("/admin/slo?window=30d").text

    assert page.count("99.66 %") == 5
    assert 'href="/admin/slo/missed?why=late&amp;window=30d&amp;client=red"' in page
    assert 'href="/admin/deliveries?state=accepted&amp;client=red"' in page
    late = console.get("/admin/slo/missed?why=late&window=30d").text
    unreachable = console.get("/admin/slo/missed?why=unreachable&client=green").text
    assert f"/admin/deliveries/{judged[0].id}" in late
    assert f"/admin/deliveries/{judged[1].id}" not in late
    assert f"/admin/deliveries/{judged[1].id}" in unreachable


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ("slo?window=7d", "A window is 1h, 24h or 30d."),
        ("slo?client=nobody", "There is no client with this client_id."),
        ("slo/missed?why=in_time", "A list is of what is late or unreachable."),
        ("slo/missed?client=nobody", "There is no client with this client_id."),
    ],
)
def test_what_cannot_be_shown_is_said(console, asked, sentence):
    page = console.get(f"/admin/{asked}")

    assert (page.status_code, sentence in page.text) == (200, True)


def test_without_any_notification_there_is_no_share(console):
    page = console.get("/admin/slo").text

    assert "No notification was judged in this time." in page
    assert clock.now() - timedelta(days=30) < Grain.DAY.begin(clock.now())
