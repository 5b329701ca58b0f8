"""An app that refreshes tokens which end with the session keeps the session from going idle."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from provider.infrastructure.database import db
from provider.sessions.models import Session
from provider.worker import duties
from tests.endpoints.test_token_binding import allow_offline
from tests.factories import make_session
from tests.support.browsers import show_session
from tests.support.command import run_curfew
from tests.support.reads import end_read

IDLE, ABSOLUTE = timedelta(hours=1), timedelta(hours=24)
GRAIN, SECOND = IDLE / 60, timedelta(seconds=1)


@pytest.fixture
def settings(settings, request):
    return replace(settings, **getattr(request, "param", {}))


def the_session() -> Session:
    end_read()
    return db.session.scalars(select(Session), execution_options={"populate_existing": True}).one()


def refreshed(rp, tokens):
    response = rp.refresh(tokens["refresh_token"])
    return response.json if response.status_code == 200 else None


def test_a_refresh_moves_the_idle_end_and_never_the_absolute_one(rp, signed_in, turned_clock):
    tokens = rp.sign_in(signed_in)
    begun = the_session().created_at
    while tokens and turned_clock.turn(IDLE * 0.8) - begun < ABSOLUTE:
        duties.expire_sessions()
        tokens = refreshed(rp, tokens)
        assert tokens
        assert the_session().ends_at == min(turned_clock.instant + IDLE, begun + ABSOLUTE)

    duties.expire_sessions()

    assert refreshed(rp, tokens) is None
    assert the_session().ended_at is not None


def test_the_session_list_shows_the_refresh_as_the_latest_use(rp, signed_in, turned_clock):
    tokens = rp.sign_in(signed_in)
    at = turned_clock.turn(IDLE / 2)

    refreshed(rp, tokens)

    assert the_session().last_seen_at == at
    assert at.isoformat() in run_curfew("session", "list", "--json")


def test_without_a_refresh_the_session_goes_idle(rp, signed_in, turned_clock):
    tokens = rp.sign_in(signed_in)
    turned_clock.turn(IDLE)

    assert refreshed(rp, tokens) is None


def test_it_is_written_once_in_a_sixtieth_of_the_idle_lifetime(rp, signed_in, turned_clock, statements):
    tokens, written = rp.sign_in(signed_in), []
    for span in (GRAIN - SECOND, SECOND, GRAIN - SECOND, SECOND):
        turned_clock.turn(span)
        with statements() as seen:
            tokens = refreshed(rp, tokens)
        written.append(sum(statement.startswith("UPDATE session") for statement in seen))

    assert written == [0, 1, 0, 1]


@pytest.mark.parametrize(
    "use",
    [
        pytest.param(lambda rp, tokens: rp.userinfo(tokens["access_token"]), id="UserInfo"),
        pytest.param(lambda rp, tokens: rp.introspect(tokens["access_token"]), id="introspection"),
        pytest.param(
            lambda rp, tokens: rp.introspect(tokens["refresh_token"]), id="introspection, refresh token"
        ),
    ],
)
def test_looking_at_tokens_is_no_use(rp, signed_in, turned_clock, use):
    tokens = rp.sign_in(signed_in)
    before = the_session().ends_at
    turned_clock.turn(IDLE / 2)

    use(rp, tokens)

    assert the_session().ends_at == before


def test_a_token_with_offline_access_is_not_the_sessions_use(rp, signed_in, turned_clock):
    tokens = allow_offline(rp, signed_in)
    before = the_session().ends_at
    turned_clock.turn(IDLE / 2)

    assert refreshed(rp, tokens)

    assert the_session().ends_at == before


@pytest.mark.parametrize("settings", [{"refresh_counts_as_use": False}], indirect=True)
def test_it_can_be_switched_off(rp, signed_in, turned_clock):
    tokens = rp.sign_in(signed_in)
    before = the_session().ends_at
    turned_clock.turn(IDLE / 2)

    assert refreshed(rp, tokens)

    assert the_session().ends_at == before


def test_a_refresh_that_is_refused_is_no_use(rp, http, ada, turned_clock):
    signed_in = show_session(http, make_session(ada))
    tokens = rp.sign_in(signed_in)
    before = the_session().ends_at
    turned_clock.turn(IDLE / 2)
    assert rp.revoke(tokens["refresh_token"]).status_code == 200

    assert refreshed(rp, tokens) is None

    assert the_session().ends_at == before
