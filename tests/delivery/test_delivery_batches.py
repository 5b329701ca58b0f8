"""Many at once: few statements, and no delivery is hidden by others."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select, update

from provider.audit.models import AuditEvent
from provider.clients.models import Client
from provider.config import Settings
from provider.delivery import outbox, workers
from provider.delivery.models import Delivery, DeliveryState, DeliveryWorker
from provider.delivery.outbox import Owing
from provider.delivery.queries import list_due, list_first_due
from provider.delivery.resend import resend_many
from provider.infrastructure import clock, current, event_log
from provider.infrastructure.database import change, db, transaction
from provider.infrastructure.outbound_http import OutboundClient
from provider.logout.notice import recipient_of
from provider.logout.notification.outbox import LOGOUTS, drain, make_dispatcher
from tests.conftest import TurnedClock
from tests.delivery.owing import notice_of, now_is, owe, sign_out_at, tags_of_deliveries
from tests.delivery.receivers import receiving
from tests.factories import make_account, make_client
from tests.support.waiting import wait_until

MANY = 40
KINDS = [LOGOUTS.name]


def test_many_deliveries_cost_few_statements(app: Flask, statements) -> None:
    with receiving(200) as red:
        clients = [make_client(f"app-{n}", port=red.port) for n in range(MANY)]
        # The ways to these apps are known, as they are in a worker that has been at work for a while.
        sign_out_at(*clients)
        dispatcher = make_dispatcher(MANY)
        dispatcher.drain()
        sign_out_at(*clients, account=make_account("ben"))

        with statements() as seen:
            assert dispatcher.drain() == {"accepted": 2 * MANY}

        dispatcher.close()
    kinds = Counter(" ".join(statement.split()[:3]) for statement in seen)
    # Leases and results come in batches, and none of them has a statement for each delivery.
    assert len(seen) < 2 * MANY, kinds


def test_a_waiting_row_behind_many_is_found(app: Flask) -> None:
    sign_out_at(make_client("red"), count=12)
    [blue] = sign_out_at(make_client("blue"), account=make_account("ben"))
    now = clock.now()

    assert blue.id not in [one.id for one in list_due(now, 5, KINDS)]
    [found] = list_first_due(now, 5, KINDS, but=[recipient_of(client_id_of("red"))])
    assert found.id == blue.id


def test_the_urgent_of_each_client_comes_first(app: Flask) -> None:
    _, urgent = sign_out_at(make_client("red"), count=2)
    with transaction():
        change(update(Delivery).where(Delivery.id == urgent.id).values(priority=0))

    assert [one.id for one in list_first_due(clock.now(), 5, KINDS, but=[])] == [urgent.id]


def test_many_apps_are_owed_in_one_transaction(app: Flask) -> None:
    template = owe()
    at = clock.now()
    original = notice_of(template)
    many = [original.owed_to(template.recipient_id, f"sid:{n}") for n in range(1100)]

    with transaction():
        outbox.enqueue([Owing(one, template.cause_id, 1) for one in many], at=at, horizon=timedelta(hours=72))

    assert len(db.session.scalars(select(Delivery.id)).all()) == 1101


def test_nothing_is_counted_yet_of_what_is_owed_anew(app: Flask) -> None:
    new = owe()

    assert (new.attempt_count, new.attempts_before_resend) == (0, 0)
    assert (new.refusals, new.unfinished_attempts) == (0, 0)


@pytest.mark.parametrize(
    ("lifetime", "hours"),
    [
        pytest.param(timedelta(hours=8), 8, id="the app's sessions are over sooner"),
        pytest.param(timedelta(days=30), 72, id="news does not live longer than the horizon"),
        pytest.param(None, 72, id="the lifetime of the app's sessions is not stated"),
    ],
)
def test_a_notification_expires_with_the_apps_own_sessions(app: Flask, lifetime, hours) -> None:
    [delivery] = sign_out_at(make_client("red", settings={"session_lifetime": lifetime}))

    assert delivery.expires_at - delivery.created_at == timedelta(hours=hours)


def test_all_that_was_given_up_to_a_client_in_a_time_is_sent_again(
    app: Flask, turned_clock: TurnedClock
) -> None:
    with receiving(200) as port:
        red = make_client("red", port=port.port)
        [other] = sign_out_at(make_client("green", port=port.port), account=make_account("ben"))
        [early] = sign_out_at(red)
        since = turned_clock.turn(timedelta(hours=1))
        [late] = sign_out_at(red, account=make_account("cleo"))
        with transaction():
            change(update(Delivery).values(state=DeliveryState.EXPIRED))

        with transaction():
            found = resend_many(recipient_id=red.id, since=since, limit=10)
        assert [one.id for one in found] == [late.id]
        drain()

    assert now_is(late).state == DeliveryState.ACCEPTED
    assert {now_is(one).state for one in (early, other)} == {DeliveryState.EXPIRED}


def test_resending_goes_on_where_the_batch_before_ended(app: Flask) -> None:
    owed = sign_out_at(make_client("red"), count=5)
    with transaction():
        change(update(Delivery).values(state=DeliveryState.EXPIRED))

    batches: list[list[UUID]] = []
    while not batches or batches[-1]:
        with transaction():
            after = batches[-1][-1] if batches else None
            batches.append([one.id for one in resend_many(after=after, limit=2)])

    assert [len(batch) for batch in batches] == [2, 2, 1, 0]
    assert {now_is(one).state for one in owed} == {DeliveryState.PENDING}


def test_what_was_accepted_is_never_sent_again_with_the_others(app: Flask) -> None:
    owe()
    with transaction():
        change(update(Delivery).values(state=DeliveryState.ACCEPTED))

    with transaction():
        assert resend_many(states=[DeliveryState.ACCEPTED], limit=10) == []


@pytest.mark.parametrize("slow", [True, False])
def test_a_client_marked_as_slow_has_half_as_much_time_again(app: Flask, settings: Settings, slow) -> None:
    asked: list[timedelta | None] = []

    class Outbound(OutboundClient):
        """The real client, which notes how long it may wait."""

        def post_form(self, url, fields, *, headers, total_deadline=None):
            asked.append(total_deadline)
            return super().post_form(url, fields, headers=headers, total_deadline=total_deadline)

    usual = current.services()
    current.install(app, replace(usual, outbound=Outbound(usual.outbound.policy)))
    with receiving(200) as red:
        sign_out_at(make_client("red", port=red.port, settings={"slow": slow}))
        drain()
    usual.outbound.close()

    assert asked == [settings.outbound_deadline * (1.5 if slow else 1)]


def test_the_living_workers_are_counted(app: Flask, turned_clock: TurnedClock) -> None:
    with transaction():
        assert workers.note_seen("first", clock.now()) == 1
        assert workers.note_seen("second", clock.now()) == 2

    turned_clock.turn(timedelta(seconds=30))
    with transaction():
        assert workers.note_seen("first", clock.now()) == 2
    turned_clock.turn(timedelta(seconds=30))
    with transaction():
        assert workers.note_seen("first", clock.now()) == 1
        workers.note_gone("first")
        assert workers.count_living(clock.now()) == 0

    turned_clock.turn(timedelta(days=2))
    with transaction():
        workers.note_seen("third", clock.now())
    assert db.session.scalars(select(DeliveryWorker.name)).all() == ["third"]


def test_a_retry_falls_due_by_itself(app: Flask) -> None:
    dispatcher = make_dispatcher(4)
    with receiving(503, 200) as red:
        delivery = owe(port=red.port)
        dispatcher.start()
        # There is no wake-up and no sweep: after a second, a little more or less, it is tried again.
        wait_until(lambda: now_is(delivery).state == DeliveryState.ACCEPTED)
        dispatcher.close()

    assert len(red.received) == 2
    assert tags_of_deliveries() == ["delivery_accepted"]


def test_each_audit_entry_has_the_correlation_of_its_logout(app: Flask) -> None:
    with receiving(200) as red:
        with event_log.correlated("of-the-request"):
            owe(port=red.port)
        drain()

    entry = db.session.scalars(select(AuditEvent).where(AuditEvent.tag == "delivery_accepted")).one()
    assert entry.correlation_id == "of-the-request"


def client_id_of(name: str) -> UUID:
    found = db.session.scalar(select(Client.id).where(Client.client_id == name))
    assert found
    return found
