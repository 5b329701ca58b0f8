"""A defect of one delivery, or a loss in the middle of a batch, costs the others nothing."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import pytest
from flask import Flask
from psycopg.errors import DataCorrupted
from sqlalchemy import event, update
from sqlalchemy.exc import InternalError, OperationalError

from provider.clients.models import Client
from provider.delivery.dispatch import Dispatcher
from provider.delivery.finish import Ended
from provider.delivery.models import Delivery, DeliveryState
from provider.delivery.owner import Owner
from provider.infrastructure.database import change, db, transaction
from provider.logout.notification.outbox import LOGOUTS, drain, make_dispatcher, record_results
from tests.delivery.owing import attempts_of, now_is, owe, sign_out_at
from tests.delivery.receivers import receiving
from tests.factories import make_client
from tests.support.threads import refuse_threads


@pytest.mark.parametrize(
    "defect",
    [
        pytest.param(LookupError("out of order"), id="ours"),
        pytest.param(InternalError("", None, DataCorrupted()), id="a damaged page"),
    ],
)
def test_a_defect_of_one_costs_the_others_nothing(
    app: Flask, defect: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    def record(ended: Sequence[Ended]) -> None:
        if any(leased.id == bad.id for leased, _ in ended):
            raise defect
        record_results(ended)

    kind = replace(LOGOUTS, record=record)
    owner = Owner(kinds=[kind])
    dispatcher = Dispatcher(owner, concurrency=8, name="test")
    with receiving(200) as red:
        clients = [make_client(name, port=red.port) for name in ("red", "green", "blue")]
        bad, *others = sign_out_at(*clients)
        assert dispatcher.drain() == {"accepted": 2, "unfinished": 1}
    dispatcher.close()

    assert {now_is(one).state for one in others} == {DeliveryState.ACCEPTED}
    assert now_is(bad).state == DeliveryState.PENDING
    assert now_is(bad).leased_until is not None
    (logged,) = [one for one in caplog.records if one.message == "delivery_not_finished"]
    assert logged.fields == {"delivery_id": bad.id}
    assert logged.exc_info[1] is defect


@pytest.mark.parametrize("moment", ["before_cursor_execute", "commit"])
def test_a_claim_that_the_database_lost_keeps_no_permit(app: Flask, moment: str) -> None:
    dispatcher = make_dispatcher(8)
    with receiving(200) as red:
        # An app that has not proved itself has one permit only: lost, nothing would reach it any more.
        owe(port=red.port)

        with database_that_goes_away(moment), pytest.raises(OperationalError):
            dispatcher.drain()

        assert dispatcher.drain() == {"accepted": 1}
    dispatcher.close()


def test_a_system_without_a_thread_for_us_keeps_no_permit(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    dispatcher = make_dispatcher(8)
    with receiving(200) as red:
        owe(port=red.port)
        with monkeypatch.context() as patched:
            refuse_threads(patched, "delivery")
            with pytest.raises(RuntimeError):
                dispatcher.drain()
        # It was leased, so it is free again when its lease ends.
        assert dispatcher.drain() == {}
        with transaction():
            change(update(Delivery).values(leased_until=None))

        assert dispatcher.drain() == {"accepted": 1}
    dispatcher.close()


@contextmanager
def database_that_goes_away(moment: str) -> Iterator[None]:
    """Let the database be gone when attempts are written down, or when that is to be committed."""
    leased = False

    def note(_connection, _cursor, statement: str, *_rest) -> None:
        nonlocal leased
        leased = leased or statement.startswith("INSERT INTO delivery_attempt")

    def go_away(*_said) -> None:
        if leased:
            raise OperationalError("the database is gone", None, ConnectionError())

    event.listen(db.engine, "before_cursor_execute", note)
    event.listen(db.engine, moment, go_away)
    try:
        yield
    finally:
        event.remove(db.engine, moment, go_away)
        event.remove(db.engine, "before_cursor_execute", note)


def test_a_client_that_cannot_be_read_costs_the_others_nothing(app: Flask) -> None:
    with receiving(200) as green:
        bad, good = sign_out_at(make_client("red"), make_client("green", port=green.port))
        with transaction():
            change(update(Client).where(Client.client_id == "red").values(registered=["no", "object"]))
        drain()

    assert now_is(good).state == DeliveryState.ACCEPTED
    assert (now_is(bad).state, now_is(bad).attempt_count) == (DeliveryState.PENDING, 0)
    assert attempts_of(bad) == []
