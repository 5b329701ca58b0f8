"""Each level at which what a client got for itself ends (design §4), one at a time."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import update

from provider.clients.models import Client
from provider.infrastructure.database import change, transaction
from provider.infrastructure.provider_state import ProviderState
from provider.tokens.models import AccessToken
from provider.tokens.queries import find_access_token_row
from tests.endpoints.test_service_tokens import Robot
from tests.support.command import run_curfew
from tests.support.reads import end_read

LIFETIME = timedelta(minutes=7)


@pytest.fixture
def settings(settings):
    """No other default is as long, so that a token ends by its own end."""
    return replace(settings, access_token_lifetime=LIFETIME)


@pytest.fixture
def robot(app, turned_clock):
    return Robot(app)


@pytest.fixture
def other(app):
    return Robot(app, "other")


@pytest.fixture
def lives(rp):
    """Return whether a token is accepted; a resource server that asks and the operator's list must agree."""

    def ask(token: str) -> bool:
        active = rp.introspect(token)["active"]
        listed = {one["id"] for one in json.loads(run_curfew("token", "list", "--json"))}
        assert (identifier_of(token) in listed) == active
        return active

    return ask


def identifier_of(token: str) -> str:
    end_read()
    row = find_access_token_row(token)
    assert row is not None
    return str(row.id)


def write(model, *conditions, **values) -> None:
    with transaction():
        assert change(update(model).where(*conditions).values(**values)) == 1


def write_robot(**values) -> None:
    write(Client, Client.client_id == "robot", **values)


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(("client", "update", "robot", "--disable"), id="disabled"),
        pytest.param(("client", "remove", "robot", "--yes"), id="removed"),
        pytest.param(("logout", "client", "robot", "--yes"), id="signed out everywhere"),
    ],
)
def test_the_end_of_a_client_ends_its_own_tokens_and_no_others(robot, other, lives, command):
    token, others = robot.token(), other.token()

    run_curfew(*command)

    assert not lives(token)
    assert lives(others)


@pytest.mark.parametrize("command", [("everybody",), ("before",)], ids=" ".join)
def test_a_bulk_logout_ends_them_and_later_ones_live(robot, lives, turned_clock, command):
    token = robot.token()
    now = turned_clock.turn(timedelta(seconds=1)).isoformat()

    run_curfew("logout", *command, *([now] if command == ("before",) else []), "--yes")

    assert not lives(token)
    # Issued at the very instant: not before it.
    assert lives(robot.token())


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(lambda now: write_robot(disabled_at=now), id="the client is disabled"),
        pytest.param(lambda now: write_robot(deleted_at=now), id="the client is deleted"),
        pytest.param(lambda now: write_robot(epoch=7), id="the client has another epoch"),
        pytest.param(lambda now: write_robot(credentials_epoch=7), id="a credential was withdrawn"),
        pytest.param(lambda now: write(ProviderState, epoch=7), id="the provider has another epoch"),
        pytest.param(
            lambda now: write(ProviderState, issued_before_is_dead_at=now + timedelta(seconds=1)),
            id="what was issued before an instant is dead",
        ),
        pytest.param(lambda now: write(AccessToken, revoked_at=now), id="the token was revoked"),
        pytest.param(lambda now: write(AccessToken, expires_at=now), id="the token has expired"),
    ],
)
def test_each_level_ends_them_by_itself(robot, lives, turned_clock, end):
    token = robot.token()
    assert lives(token)

    end(turned_clock())

    assert not lives(token)


def test_they_live_until_their_own_end(robot, lives, turned_clock):
    token = robot.token()

    turned_clock.turn(LIFETIME - timedelta(seconds=1))
    assert lives(token)

    turned_clock.turn(timedelta(seconds=1))
    assert not lives(token)
