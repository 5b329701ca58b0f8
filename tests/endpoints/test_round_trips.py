"""The number of waits for the database in a request: at eight requests at once, each wait costs twice."""

import pytest
from psycopg._queries import MAX_CACHED_STATEMENT_LENGTH

from tests.support.relying_party import type_password
from tests.support.round_trips import fewest_round_trips

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.fixture
def tokens(signed_in, rp):
    return rp.sign_in(signed_in)


def test_userinfo_waits_once(rp, tokens):
    assert fewest_round_trips(lambda: rp.userinfo(tokens["access_token"])) == 1


def test_introspection_waits_once(rp, tokens):
    assert fewest_round_trips(lambda: rp.introspect(tokens["access_token"])) == 1


def test_a_refresh(rp, tokens):
    held = [tokens["refresh_token"]]

    def refresh() -> None:
        held.append(rp.refresh(held[-1]).json["refresh_token"])

    assert fewest_round_trips(refresh) == 2


def test_an_authorization_in_a_session_and_its_code(rp, tokens, signed_in):
    codes: list[str] = []

    assert fewest_round_trips(lambda: codes.append(rp.code(signed_in))) == 2
    assert fewest_round_trips(lambda: rp.exchange(codes.pop())) == 2


def test_the_driver_parses_each_statement_once(rp, tokens, signed_in, statements):
    """The driver keeps no longer ones, and parses them anew each time."""
    with statements() as seen:
        rp.userinfo(tokens["access_token"])
        rp.introspect(tokens["access_token"])
        rp.refresh(tokens["refresh_token"])
        rp.exchange(rp.code(signed_in))

    assert max(len(one.encode()) for one in seen) <= MAX_CACHED_STATEMENT_LENGTH


def test_a_sign_in(app, rp, tokens, ada):
    def sign_in() -> None:
        browser = app.test_client()
        type_password(browser, rp.authorize(browser))

    assert fewest_round_trips(sign_in) == 9
