"""Nodes that share a database share its clock, to within what a round trip proves."""

import re
import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from provider.infrastructure import clock, database_clock
from provider.infrastructure.database import db

LATE, SOON = timedelta(seconds=-61.5), timedelta(seconds=61.5)
# Two clocks are read one after the other and rounded.
FUZZ = timedelta(milliseconds=50)


@pytest.fixture
def off_by():
    """Turns this machine's own clock."""

    def turn(span: timedelta) -> None:
        clock.use_as_local(lambda: datetime.now(UTC) + span)

    yield turn
    clock.use_as_local(None)
    clock.correct(timedelta(0))


def use_the_database() -> timedelta:
    """Use a connection; returns by how much the offset that it proves may be off: as long as this took."""
    began = time.monotonic()
    db.session.execute(text("SELECT 1"))
    db.session.commit()
    return timedelta(seconds=time.monotonic() - began) + FUZZ


def is_right(within: timedelta) -> bool:
    """Return whether the clock is right to within so much, however long a look at it takes."""
    before, shown, after = datetime.now(UTC), clock.now(), datetime.now(UTC)
    return before - within <= shown <= after + within


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("span", [LATE, SOON], ids=["late", "early"])
def test_a_clock_that_is_off_is_corrected_when_a_connection_is_used(app, off_by, span, caplog):
    use_the_database()
    off_by(span)
    proof = use_the_database()

    assert is_right(within=proof)
    assert abs(clock.offset() + span) <= proof
    assert "clock_differs" in caplog.messages


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_new_connection_is_asked_too(app, off_by):
    off_by(LATE)
    db.engine.dispose()
    proof = use_the_database()

    assert is_right(within=proof)


def test_equal_clocks_are_left_alone(app):
    for _ in range(20):
        use_the_database()

    assert clock.offset() == timedelta(0)


def test_asking_costs_no_statement(app, statements):
    use_the_database()
    with statements() as seen:
        use_the_database()

    assert len(seen) == 1


def test_an_offset_moves_no_further_than_a_response_proves(off_by):
    off_by(LATE)
    now = datetime.now(UTC)
    database_clock.observe(now, now + LATE, timedelta(seconds=10))

    # It was asked up to ten seconds ago: the clock is late by 61.5 s at least and 71.5 s at most.
    assert clock.offset() == pytest.approx(-LATE, abs=FUZZ)
    before = clock.offset()
    database_clock.observe(now, now + LATE + timedelta(seconds=3), timedelta(seconds=10))

    assert clock.offset() == before


def test_a_clock_that_is_turned_by_hand_is_not_corrected(turned_clock):
    clock.correct(SOON)
    try:
        assert clock.now() == turned_clock.instant
    finally:
        clock.correct(timedelta(0))


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_readiness_says_that_a_clock_is_off(app, off_by):
    off_by(LATE)
    proof = use_the_database()
    response = app.test_client().get("/health/ready")

    found = response.json["checks"]["clock"]
    assert response.status_code == 200
    assert found["offset_seconds"] == pytest.approx(61.5, abs=proof.total_seconds())
    said = re.search(r"([\d.]+) s behind the database's", found["detail"])
    assert said
    assert float(said[1]) == pytest.approx(found["offset_seconds"], abs=0.051)
