"""An initial access token is good for what the operator said, and no more (rfc7591 §3)."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from provider.clients import initial_access
from provider.infrastructure import clock
from provider.infrastructure.database import db, transaction
from tests.races.at_once import ON_POSTGRESQL, at_once

HOUR = timedelta(hours=1)


def create(**options):
    with transaction():
        return initial_access.create(**options)


def use(token):
    with transaction():
        return initial_access.use(token)


def test_it_is_used_as_often_as_was_said(app):
    row, token = create(name="Ada", most_uses=2)

    assert [use(token) for _ in range(3)] == [row.id, row.id, None]
    assert initial_access.find_good(token) is None
    db.session.refresh(row)
    assert row.uses == 2
    assert initial_access.is_spent(row)


def test_it_ends_with_its_time_or_when_it_is_revoked(app, turned_clock):
    _, short = create(expires_at=clock.now() + HOUR)
    row, revoked = create(most_uses=None)
    assert initial_access.find_good(short)
    assert use(revoked)

    turned_clock.turn(HOUR)
    with transaction():
        initial_access.revoke(row.id)

    assert not use(short)
    assert not use(revoked)
    assert not use("cfi_unknown")
    with pytest.raises(initial_access.UnknownInitialAccessToken), transaction():
        initial_access.revoke(row.id)


@pytest.mark.spec("ABU-86")
def test_the_database_does_not_hold_it(app):
    _, token = create()

    assert token not in str(db.session.execute(text("SELECT * FROM initial_access_token")).one())


@pytest.mark.parametrize("options", [{"most_uses": 0}, {"expires_at": clock.now()}])
def test_one_that_could_never_be_used_is_not_made(app, options):
    with pytest.raises(initial_access.InvalidInitialAccessToken):
        create(**options)


@ON_POSTGRESQL
def test_of_several_uses_at_once_only_as_many_succeed_as_are_left(app):
    def using(token):
        with app.app_context():
            return use(token)

    for _ in range(10):
        row, token = create(most_uses=2)
        token_id = row.id

        used = at_once(*[lambda token=token: using(token)] * 4)

        assert sorted(used, key=str) == [token_id, token_id, None, None]
