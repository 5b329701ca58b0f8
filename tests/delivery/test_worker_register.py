"""The register of workers: one row for each, until it has been silent for a day."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from provider.delivery import workers
from provider.delivery.models import DeliveryWorker
from provider.infrastructure import clock
from provider.infrastructure.database import db, transaction
from tests.conftest import TurnedClock
from tests.delivery.rows import MINUTE


@pytest.fixture(autouse=True)
def standing_clock(app: Flask, turned_clock: TurnedClock) -> TurnedClock:
    return turned_clock


class TestTheRegisterOfWorkers:
    def test_a_worker_has_one_row_with_its_last_beat(self, turned_clock: TurnedClock) -> None:
        with transaction():
            workers.note_seen("one", clock.now())
            workers.note_seen("two", clock.now())
        turned_clock.turn(MINUTE)
        with transaction():
            assert workers.note_seen("one", clock.now()) == 1

        assert seen() == {"one": clock.now(), "two": clock.now() - MINUTE}

    def test_a_worker_lives_until_it_has_missed_three_beats(self, turned_clock: TurnedClock) -> None:
        with transaction():
            workers.note_seen("one", clock.now())
        turned_clock.turn(3 * workers.SEEN_EVERY - timedelta(microseconds=1))
        assert workers.count_living(clock.now()) == 1

        turned_clock.turn(timedelta(microseconds=1))

        assert workers.count_living(clock.now()) == 0

    def test_a_worker_is_forgotten_a_day_after_its_last_beat(self, turned_clock: TurnedClock) -> None:
        with transaction():
            workers.note_seen("gone", clock.now())
        turned_clock.turn(timedelta(days=1))
        with transaction():
            workers.note_seen("one", clock.now())
        assert set(seen()) == {"gone", "one"}

        turned_clock.turn(timedelta(seconds=1))
        with transaction():
            workers.note_seen("one", clock.now())
        assert set(seen()) == {"one"}


def seen() -> dict[str, object]:
    rows = db.session.execute(select(DeliveryWorker.name, DeliveryWorker.seen_at)).all()
    db.session.commit()
    return {row.name: row.seen_at for row in rows}
