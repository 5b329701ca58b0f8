"""Signing keys in several processes that rotate, compromise and sign at the same time (KEY-05)."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from provider.infrastructure.database import db, transaction
from provider.keys import lifecycle
from provider.keys.algorithms import ALGORITHMS
from provider.keys.keyring import the_keyring
from provider.keys.models import KeyState
from tests.keys.test_lifecycle import kids, read, signed
from tests.races.at_once import just_after
from tests.support.waiting import PATIENCE


@pytest.fixture
def settings(settings):
    """On a busy machine, RSA keys are made for longer than a request would wait for SQLite's only lock."""
    return replace(settings, database_deadline=timedelta(minutes=1))


@pytest.fixture
def keys(app, turned_clock):
    with transaction():
        lifecycle.ensure_keys()
    return app


def test_another_process_s_successor_is_met_by_its_kid(keys, settings, turned_clock):
    """A process whose memory is older than the rotation looks again when it meets the new kid."""
    token = signed(settings, turned_clock)
    memory = the_keyring()._snapshot
    with transaction():
        lifecycle.rotate(now=True)
    newer = signed(settings, turned_clock)
    the_keyring()._snapshot = memory
    turned_clock.turn(timedelta(seconds=6))

    assert read(token)["sub"] == "ada"
    assert read(newer)["sub"] == "ada"


@pytest.mark.parametrize("act", [lifecycle.ensure_keys, lifecycle.rotate], ids=["start", "rotate"])
def test_processes_that_act_at_once_do_it_once(app, act):
    """KEY-03. Threads with a session each stand for processes; the line they stand in is the database's."""
    if act is lifecycle.rotate:
        with transaction():
            lifecycle.ensure_keys()
    together, made, errors = threading.Barrier(4), [], []

    def run():
        with app.app_context():
            try:
                together.wait(PATIENCE)
                with transaction():
                    made.extend(act())
            except Exception as exc:  # noqa: BLE001 – shown by the assertion below.
                errors.append(exc)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)

    assert errors == []
    assert sorted(change.alg for change in made if change.event == "key_created") == sorted(ALGORITHMS)
    for alg in ALGORITHMS:
        assert len(kids(KeyState.ACTIVE, alg)) == 1


def test_signing_goes_on_while_keys_rotate(keys, settings, turned_clock):
    """KEY-03: no failed signature and no failed verification during ten rotations."""
    stop, failures, done = threading.Event(), [], []

    def work():
        with keys.app_context():
            try:
                while not stop.is_set():
                    read(signed(settings, turned_clock, alg="EdDSA"))
                    done.append(1)
            except Exception as exc:  # noqa: BLE001 – shown by the assertion below.
                failures.append(exc)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(10):
        with transaction():
            lifecycle.rotate("EdDSA", now=True)
    stop.set()
    for thread in threads:
        thread.join(PATIENCE)

    assert failures == []
    assert done


def test_keys_that_were_read_before_a_rotation_are_not_kept_after_it(keys, settings, turned_clock):
    """Two threads read the keys; the one that read them first is done last."""

    def rotate_and_sign():
        with keys.app_context():
            with transaction():
                lifecycle.rotate("EdDSA", now=True)
            return signed(settings, turned_clock, alg="EdDSA")

    with just_after("SELECT signing_key", rotate_and_sign) as done:
        the_keyring().published()

    assert read(done[0])["aud"] == "red"
