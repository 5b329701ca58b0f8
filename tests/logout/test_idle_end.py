"""The idle end of a session in use: it moves in steps, and never further than the idle lifetime."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from provider.infrastructure import current
from provider.infrastructure.database import db, transaction
from provider.sessions import lifecycle
from provider.sessions.models import Session
from tests.factories import make_session

IDLE = timedelta(hours=1)
STEP, SECOND = IDLE / 60, timedelta(seconds=1)
# How many rows this connection has changed without an entry in an index.
_IN_PLACE = text("SELECT pg_stat_get_xact_tuples_hot_updated('session'::regclass)")


@pytest.fixture
def session(ada, turned_clock) -> Session:
    return make_session(ada).session


def use(session: Session) -> Session:
    with transaction():
        assert lifecycle.touch(session)
    db.session.refresh(session)
    return session


def test_it_is_at_most_a_step_before_the_idle_lifetime_is_over(session, turned_clock):
    for span in (SECOND, STEP - SECOND, STEP / 2, STEP / 2, 3 * STEP, IDLE - 2 * STEP, timedelta(0)):
        at = turned_clock.turn(span)

        assert at + IDLE - STEP < use(session).ends_at <= at + IDLE
        assert session.last_seen_at == at


def test_a_use_within_a_step_leaves_it_where_it_is(session, turned_clock):
    before = session.ends_at
    turned_clock.turn(STEP - SECOND)
    assert use(session).ends_at == before

    at = turned_clock.turn(SECOND)
    assert use(session).ends_at == at + IDLE


def test_a_shorter_idle_lifetime_counts_from_the_next_use(app, session, turned_clock):
    current.install(
        app, replace(current.services(), settings=replace(current.settings(), session_idle_lifetime=IDLE / 2))
    )

    assert use(session).ends_at == turned_clock() + IDLE / 2


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize(("span", "in_place"), [(STEP - SECOND, 1), (STEP, 0)])
def test_postgresql_then_writes_no_entry_into_an_index(session, turned_clock, span, in_place):
    turned_clock.turn(span)

    with transaction():
        before = db.session.scalar(_IN_PLACE)
        assert lifecycle.touch(session)
        assert db.session.scalar(_IN_PLACE) - before == in_place
