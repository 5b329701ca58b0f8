"""Clients, or a provider, that take pushed requests alone."""

from dataclasses import replace

import pytest

from tests.endpoints.test_par import ON_SQLITE, open_, push, pushed
from tests.support.browsers import ISSUER, query_of
from tests.support.relying_party import RelyingParty, type_password


@pytest.mark.spec("rfc9126 2")
@ON_SQLITE
def test_a_client_may_promise_to_push_always(app, signed_in):
    rp = RelyingParty(app, require_pushed_authorization_requests=True)

    assert query_of(rp.authorize(signed_in))["error"] == "invalid_request"
    assert "code" in query_of(open_(signed_in, rp, pushed(rp)))


@pytest.mark.spec("rfc9126 §5")
@ON_SQLITE
class TestForAll:
    @pytest.fixture
    def settings(self, settings):
        return replace(
            settings, require_pushed_authorization_requests=True, pushed_request_limit="2 per minute"
        )

    @pytest.mark.usefixtures("ada")
    def test_the_provider_may_demand_it_of_all(self, http, rp):
        assert query_of(rp.authorize(http))["error"] == "invalid_request"
        asked = open_(http, rp, pushed(rp))

        assert "code" in query_of(type_password(http, asked))
        document = rp.http.get("/.well-known/openid-configuration").json
        assert document["require_pushed_authorization_requests"] is True
        assert document["pushed_authorization_request_endpoint"] == ISSUER + "/par"

    def test_there_is_a_limit_to_it(self, rp):
        assert [push(rp).status_code for _ in range(3)] == [201, 201, 429]
        assert "Retry-After" in push(rp).headers
