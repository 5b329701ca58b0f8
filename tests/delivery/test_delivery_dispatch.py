"""The dispatcher with a real receiver: what arrives, how often, and what is written down about it."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

from provider.audit.models import AuditEvent
from provider.clients.change import remove
from provider.delivery.models import Delivery, DeliveryState
from provider.delivery.resend import resend
from provider.infrastructure.database import change, db, transaction
from provider.keys.models import SigningKey
from provider.logout.notification.outbox import drain
from provider.worker.duties import take_up_rejected
from tests.delivery.owing import attempts_of, make_due, now_is, owe, sign_out_at, tags_of_deliveries
from tests.delivery.receivers import receiving
from tests.factories import make_client


def test_an_accepted_delivery_is_sent_once(app: Flask) -> None:
    with receiving(200) as red:
        delivery = owe(port=red.port)

        assert drain() == {"accepted": 1}
        assert drain() == {}

    [received] = red.received
    assert (received.delivery, received.attempt) == (str(delivery.id), "1")
    assert list(received.form) == ["logout_token"]
    after = now_is(delivery)
    assert (after.state, after.last_status, after.leased_until) == (DeliveryState.ACCEPTED, 200, None)
    assert after.first_attempt_at is not None


def test_every_attempt_has_a_fresh_token_and_the_same_delivery_id(app: Flask) -> None:
    with receiving(503, 200) as red:
        delivery = owe(port=red.port)
        drain()
        make_due(delivery)
        drain()

    first, second = red.received
    assert (first.delivery, first.attempt) == (second.delivery, "1")
    assert second.attempt == "2"
    assert first.token != second.token
    jtis = [attempt.jti for attempt in attempts_of(delivery)]
    assert len(set(jtis)) == 2


def test_each_attempt_leaves_its_trace(app: Flask) -> None:
    with receiving(503, 404, 404) as red:
        delivery = owe(port=red.port)
        for _ in range(3):
            drain()
            make_due(delivery)

    traces = [(attempt.number, attempt.outcome, attempt.status) for attempt in attempts_of(delivery)]
    assert traces == [(1, "unavailable", 503), (2, "misconfigured", 404), (3, "misconfigured", 404)]
    assert all(attempt.url and attempt.latency_ms is not None for attempt in attempts_of(delivery))


@pytest.mark.parametrize("status", [302, 307, 400, 401, 403, 404, 405, 410, 413])
def test_an_app_that_refuses_for_a_while_accepts_in_the_end(app: Flask, status: int) -> None:
    with receiving(*[status] * 5, 200) as red:
        delivery = owe(port=red.port)
        shown = []
        for _ in range(5):
            drain()
            make_due(delivery)
            shown.append(now_is(delivery).shown_state)
        drain()

    assert shown == ["pending"] + ["refusing"] * 4
    after = now_is(delivery)
    assert (after.state, after.attempt_count, after.shown_state) == ("accepted", 6, "accepted")
    assert tags_of_deliveries() == ["delivery_accepted"]


def test_what_fails_without_refusing_is_not_called_so(app: Flask) -> None:
    with receiving(404, 503, 404, 503) as red:
        delivery = owe(port=red.port)
        shown = []
        for _ in range(4):
            drain()
            make_due(delivery)
            shown.append(now_is(delivery).shown_state)

    assert shown == ["pending", "pending", "refusing", "pending"]


def test_a_final_outcome_is_in_the_audit_and_a_retry_is_not(app: Flask) -> None:
    with receiving(503, 200) as red:
        delivery = owe(port=red.port)
        drain()
        assert tags_of_deliveries() == []
        make_due(delivery)
        drain()

    entry = db.session.scalars(select(AuditEvent).where(AuditEvent.tag == "delivery_accepted")).one()
    assert (entry.client_id, entry.logout_id) == ("red", delivery.cause_id)
    assert entry.detail["attempts"] == 2


def test_a_refused_connection_is_tried_again(app: Flask) -> None:
    with receiving() as gone:
        port = gone.port
    delivery = owe(port=port)

    drain()

    after = now_is(delivery)
    assert (after.state, after.last_outcome, after.last_status) == (DeliveryState.PENDING, "connect", None)
    assert after.next_attempt_at > after.created_at


def test_a_refused_target_is_never_connected_to(app: Flask) -> None:
    delivery = owe(backchannel_logout_uri="https://169.254.169.254/logout")

    for _ in range(2):
        drain()
        make_due(delivery)

    after = now_is(delivery)
    assert (after.state, after.last_outcome) == (DeliveryState.PENDING, "refused")
    assert after.is_refusing


def test_a_signer_that_fails_costs_no_attempt(app: Flask) -> None:
    with receiving(200) as red:
        delivery = owe(port=red.port, id_token_signed_response_alg="ES256")
        with transaction():
            change(update(SigningKey).values(state="next"))
        _forget_keys()

        drain()

        after = now_is(delivery)
        assert (after.state, after.attempt_count, red.received) == (DeliveryState.PENDING, 0, [])
        with transaction():
            change(update(SigningKey).values(state="active"))
        _forget_keys()
        make_due(delivery)
        drain()
    assert len(red.received) == 1


@pytest.mark.parametrize("state", [DeliveryState.EXPIRED, DeliveryState.CANCELLED])
def test_what_has_ended_and_is_sent_again_has_its_whole_schedule(app: Flask, state: DeliveryState) -> None:
    with receiving(404, 404, 404, 200) as red:
        delivery = owe(port=red.port)
        for _ in range(2):
            drain()
            make_due(delivery)
        with transaction():
            change(update(Delivery).values(state=state, finished_at=delivery.created_at))

        with transaction():
            assert resend(now_is_in_session(delivery))
        drain()
        assert now_is(delivery).shown_state == DeliveryState.PENDING
        make_due(delivery)
        drain()

    assert now_is(delivery).state == DeliveryState.ACCEPTED
    assert [received.attempt for received in red.received] == ["1", "2", "3", "4"]


def test_what_the_previous_release_rejected_goes_on_within_its_horizon(app: Flask) -> None:
    with receiving(200) as red:
        timely, late = sign_out_at(make_client("red", port=red.port), count=2)
        with transaction():
            change(update(Delivery).values(state="rejected", finished_at=timely.created_at))
            over = update(Delivery).where(Delivery.id == late.id)
            change(over.values(expires_at=late.created_at))

        take_up_rejected()
        drain()

    assert now_is(timely).state == DeliveryState.ACCEPTED
    assert (now_is(late).state, now_is(late).finished_at) == (DeliveryState.EXPIRED, timely.created_at)


def test_a_deleted_client_is_notified_until_it_refuses_again(app: Flask) -> None:
    with receiving(404) as red, receiving(404, 200) as green:
        gone, kept = make_client("red", port=red.port), make_client("green", port=green.port)
        at_red, at_green = sign_out_at(gone, kept)
        with transaction():
            remove(gone)
        for _ in range(3):
            drain()
            make_due(at_green)
            if now_is(at_red).state == DeliveryState.PENDING:
                make_due(at_red)

    after = now_is(at_red)
    assert (after.state, after.cancel_reason, len(red.received)) == ("cancelled", "client_deleted", 2)
    assert now_is(at_green).state == DeliveryState.ACCEPTED
    assert set(tags_of_deliveries()) == {"delivery_cancelled", "delivery_accepted"}


def test_what_was_accepted_is_not_sent_again(app: Flask) -> None:
    with receiving(200) as red:
        delivery = owe(port=red.port)
        drain()

        with transaction():
            assert resend(now_is_in_session(delivery)) is False


def test_an_old_notification_expires(app: Flask) -> None:
    delivery = owe()
    with transaction():
        change(update(Delivery).values(expires_at=delivery.created_at - timedelta(seconds=1)))

    assert drain() == {"expired": 1}
    assert tags_of_deliveries() == ["delivery_expired"]


def now_is_in_session(delivery: Delivery) -> Delivery:
    found = db.session.get(Delivery, delivery.id, populate_existing=True)
    assert found is not None
    return found


def _forget_keys() -> None:
    from provider.keys.keyring import the_keyring

    the_keyring().forget()
