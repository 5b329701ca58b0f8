"""While two secrets are in force, the operator sees which of them is still used (KEY-19)."""

from datetime import timedelta

import pytest

from provider.clients import change, queries
from provider.infrastructure.database import transaction
from tests.factories import make_client, secret_of

DAY = timedelta(days=1)


@pytest.fixture
def ask(app, http):
    make_client("red")

    def asked(secret, path="/introspect", **form):
        data = {"token": "cfa_x"} | form
        return http.post(path, data=data, auth=("red", secret)).status_code

    return asked


def rotated() -> str:
    with transaction():
        return change.rotate_secret(queries.get_by_client_id("red"), overlap=DAY)


def last_used():
    red = queries.get_by_client_id("red")
    return red.secret_last_used_at, red.previous_secret_last_used_at


@pytest.mark.spec("KEY-19")
def test_each_of_two_secrets_tells_when_it_was_last_used(ask, turned_clock):
    old, new = secret_of("red"), rotated()
    assert last_used() == (None, None)

    first = turned_clock()
    assert ask(old) == 200
    assert last_used() == (None, first)

    second = turned_clock.turn(timedelta(hours=1))
    assert ask(new, "/token", grant_type="refresh_token", refresh_token="x") == 400
    assert ask("wrong-secret-of-thirty-letters") == 401
    assert last_used() == (second, first)


def test_it_is_not_written_at_each_use(ask, turned_clock, statements):
    old = secret_of("red")
    rotated()
    assert ask(old) == 200
    noted = last_used()
    turned_clock.turn(timedelta(minutes=4))

    with statements() as seen:
        assert ask(old) == 200

    assert last_used() == noted
    assert not [one for one in seen if one.startswith("UPDATE")]


def test_who_has_one_secret_costs_nothing(ask, turned_clock, statements):
    new = rotated()
    turned_clock.turn(DAY)

    with statements() as seen:
        assert ask(new) == 200

    assert last_used() == (None, None)
    assert not [one for one in seen if one.startswith("UPDATE")]


def test_what_was_known_of_the_new_secret_is_known_of_it_as_the_old_one(ask, turned_clock):
    new = rotated()
    assert ask(new) == 200
    used = turned_clock()

    rotated()

    assert last_used() == (None, used)
