"""The periodic duties: each done once per period by whichever worker has its lease."""

import threading
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from provider.audit.models import AuditEvent
from provider.delivery.models import Delivery
from provider.infrastructure import leases
from provider.infrastructure.database import db, transaction
from provider.infrastructure.database_errors import AWAY
from provider.infrastructure.leases import DutyLease
from provider.keys.algorithms import ALGORITHMS
from provider.keys.models import SigningKey
from provider.sessions.models import Session
from provider.worker.duties import DUTIES, Duty, Roster, advance_keys, expire_sessions, seal_audit
from tests.conftest import TurnedClock
from tests.factories import make_account, make_client, make_session
from tests.support.losing_database import database_lost_once

MINUTE = timedelta(minutes=1)


def counting(name: str = "count") -> tuple[Duty, list[str]]:
    done: list[str] = []
    return Duty(name, MINUTE, lambda: done.append(name)), done


def go() -> threading.Event:
    return threading.Event()


def test_two_workers_do_a_duty_once_per_period(app: Flask, turned_clock: TurnedClock) -> None:
    duty, done = counting()
    first, second = Roster("first", (duty,)), Roster("second", (duty,))

    for roster in (first, second, first):
        roster.do_due(go())
    assert len(done) == 1

    turned_clock.turn(MINUTE)
    for roster in (second, first):
        roster.do_due(go())
    assert len(done) == 2


def test_a_duty_whose_holder_died_is_taken_over(app: Flask, turned_clock: TurnedClock) -> None:
    duty, done = counting()
    leases.ensure([duty.name])
    # The doomed holder takes the duty and never comes to say that it is done.
    assert leases.take(duty.name, holder="doomed", every=MINUTE, hold=timedelta(minutes=5))

    heir = Roster("heir", (duty,))
    turned_clock.turn(MINUTE)
    heir.do_due(go())
    assert done == []

    turned_clock.turn(timedelta(minutes=5))
    heir.do_due(go())
    assert len(done) == 1


def test_a_duty_whose_holder_is_known_to_have_ended_waits_for_its_next_period_alone(
    app: Flask, turned_clock: TurnedClock
) -> None:
    duty, done = counting()
    leases.ensure([duty.name, "another"])
    assert leases.take(duty.name, holder="killed", every=MINUTE, hold=timedelta(minutes=5))
    assert leases.take("another", holder="living", every=MINUTE, hold=timedelta(minutes=5))

    with transaction():
        assert leases.free_all_of("killed") == 1

    Roster("second", (duty,)).do_due(go())
    assert done == []
    turned_clock.turn(MINUTE)
    Roster("second", (duty,)).do_due(go())
    assert len(done) == 1
    assert not leases.take("another", holder="second", every=MINUTE, hold=timedelta(minutes=5))


def test_a_duty_that_the_database_interrupted_is_taken_up_again_by_who_holds_it(
    app: Flask, turned_clock: TurnedClock
) -> None:
    duty, done = counting()
    worker, other = Roster("worker", (duty,)), Roster("other", (duty,))
    with database_lost_once("unreachable", at="UPDATE duty_lease SET held_until"), pytest.raises(AWAY):
        # It is done, and the worker cannot say so.
        worker.do_due(go())

    turned_clock.turn(MINUTE)
    other.do_due(go())
    assert len(done) == 1
    worker.do_due(go())
    assert len(done) == 2


def test_a_failing_duty_keeps_no_other_from_being_done(app: Flask) -> None:
    def fail() -> None:
        raise RuntimeError("out of order")

    duty, done = counting()
    roster = Roster("worker", (Duty("fail", MINUTE, fail), duty))

    roster.do_due(go())

    assert len(done) == 1
    lease = db.session.get(DutyLease, "fail")
    assert lease is not None
    assert lease.held_until is None


def test_a_worker_that_stops_begins_no_duty(app: Flask) -> None:
    duty, done = counting()
    stop = go()
    stop.set()

    Roster("worker", (duty,)).do_due(stop)

    assert done == []


def test_every_duty_of_the_table_can_be_done(app: Flask) -> None:
    Roster("worker").do_due(go())

    done = db.session.scalars(select(DutyLease).where(DutyLease.last_done_at.is_not(None)))
    assert {lease.name for lease in done} == {duty.name for duty in DUTIES}


def test_an_expired_session_ends_once_and_its_apps_are_owed_notifications(
    app: Flask, turned_clock: TurnedClock
) -> None:
    session = make_session(make_account("ada"), [make_client("red"), make_client("green")]).session
    lives = make_session(make_account("ben"), []).session
    turned_clock.turn(timedelta(minutes=59))
    renewed = make_session(make_account("cleo"), []).session
    turned_clock.turn(timedelta(minutes=2))

    expire_sessions()
    expire_sessions()

    ended = select(Session.id).where(Session.ended_at.is_not(None))
    assert set(db.session.scalars(ended)) == {session.id, lives.id}
    assert renewed.id not in set(db.session.scalars(ended))
    assert db.session.scalar(select(func.count()).select_from(Delivery)) == 2


def test_a_database_that_is_away_is_not_asked_for_session_after_session(
    app: Flask, turned_clock: TurnedClock
) -> None:
    make_session(make_account("ada"), [])
    turned_clock.turn(timedelta(hours=2))

    with database_lost_once("every connection taken", at="UPDATE session"), pytest.raises(AWAY):
        expire_sessions()


def test_new_audit_entries_are_linked(app: Flask) -> None:
    make_session(make_account("ada"), [make_client("red")])
    advance_keys()

    seal_audit()

    unlinked = select(func.count()).select_from(AuditEvent).where(AuditEvent.seq.is_(None))
    assert db.session.scalar(unlinked) == 0


def test_keys_are_made_and_recorded_where_there_are_none(app: Flask) -> None:
    advance_keys()

    active = select(func.count()).select_from(SigningKey).where(SigningKey.state == "active")
    assert db.session.scalar(active) == len(ALGORITHMS)
    tags = set(db.session.scalars(select(AuditEvent.tag)))
    assert {"key_created", "key_activated"} <= tags
