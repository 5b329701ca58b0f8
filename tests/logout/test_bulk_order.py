"""Bulk logouts after one another: what was revoked stays revoked, and each is carried on in its turn."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from provider.infrastructure.database import db, transaction
from provider.infrastructure.opaque_tokens import new_id
from provider.infrastructure.provider_state import ProviderState
from provider.logout.bulk import begin as bulk
from provider.logout.bulk import walk
from provider.logout.bulk.queries import find, find_unfinished, list_next
from provider.logout.models import BulkLogout, BulkPhase
from provider.sessions.queries import find_live
from tests.factories import make_session

pytestmark = pytest.mark.usefixtures("turned_clock")

A_MINUTE = timedelta(minutes=1)


def begin(act, *arguments) -> BulkLogout:
    with transaction():
        return act(*arguments, "admin")


def test_an_earlier_instant_gives_nothing_back(ada, turned_clock):
    made = make_session(ada)
    later = turned_clock.turn(2 * A_MINUTE)

    begin(bulk.end_issued_before, later)
    begin(bulk.end_issued_before, later - 3 * A_MINUTE)

    assert find_live(made.handle) is None
    assert db.session.scalar(select(ProviderState.issued_before_is_dead_at)) == later


def test_the_oldest_that_is_neither_finished_nor_stopped_comes_first(red, turned_clock):
    made = [begin(bulk.end_of_client, red) for _ in range(5)]
    ids = sorted(new_id() for _ in made)
    finished, stopped, first, *_ = ids
    with transaction():
        # The rows are in another order than their identifiers.
        for one, new in zip(made, ids[::-1], strict=True):
            one.id = new
    with transaction():
        find(finished).finished_at = turned_clock()
        find(stopped).stopped_at = turned_clock()

    assert find_unfinished().id == first


def test_rows_are_walked_in_the_order_of_their_identifiers(ada):
    made = [make_session(ada).session for _ in range(5)]
    ids = sorted(new_id() for _ in made)
    with transaction():
        for one, new in zip(made, ids[::-1], strict=True):
            one.id = new

    begun = begin(bulk.end_everybody)

    assert list(list_next(begun, 5)) == ids


def test_a_second_walker_does_not_send_the_first_back_to_the_beginning(ada, red):
    made = make_session(ada, [red], offline=("red",))
    begun = begin(bulk.end_everybody)
    with transaction():
        as_seen_by_the_second = find(begun.id)
        db.session.expunge(as_seen_by_the_second)
    with transaction():
        row = find(begun.id)
        row.phase, row.cursor = BulkPhase.GRANTS, made.grants["red"].id

    walk._go_to_next_phase(as_seen_by_the_second)

    db.session.expire_all()
    assert find(begun.id).cursor == made.grants["red"].id
