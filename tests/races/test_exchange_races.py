"""A service exchanges a person's token at the very instant at which it dies (rfc8693, RACE-05)."""

import pytest

from provider.logout.end_session import end
from provider.logout.models import LogoutReason
from provider.logout.steps import Cause
from tests.endpoints.test_token_exchange import Service
from tests.races.at_once import ON_POSTGRESQL, ROUNDS, at_once

pytestmark = ON_POSTGRESQL
BY_ADA = Cause(reason=LogoutReason.USER, initiator="account")


@pytest.fixture
def api(app):
    return Service(app)


@pytest.mark.parametrize("what", ["the session ends", "the refresh token is given back"])
def test_no_token_of_a_service_survives_what_it_came_from(rp, api, begin, do, what):
    for _ in range(ROUNDS // 3 or 1):
        made, browser = begin()
        tokens = rp.sign_in(browser)
        logout = do(end, made.session, BY_ADA)

        exchanged, _ended = at_once(
            lambda subject=tokens["access_token"]: api.take(subject),
            logout
            if what == "the session ends"
            else lambda given_back=tokens["refresh_token"]: rp.revoke(given_back),
        )

        assert exchanged.status_code in (200, 400)
        if exchanged.status_code == 200:
            assert not api.introspect(exchanged.json["access_token"])["active"]
