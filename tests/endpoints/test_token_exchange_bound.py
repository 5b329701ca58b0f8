"""Token exchange with tokens that are bound to a resource, a key or a certificate."""

import pytest

from provider.clients import resources
from provider.clients.models import TokenFormat
from provider.infrastructure.database import transaction
from provider.keys.jwt import UnverifiedJWT, verify_own
from provider.protocol.grant_types import TOKEN_EXCHANGE
from tests.endpoints.test_token_exchange import TYPE, Service
from tests.factories import secret_of
from tests.support.prover import Prover
from tests.support.relying_party import VERIFIER, RelyingParty


@pytest.fixture
def api(app):
    return Service(app)


def test_a_token_for_a_resource_is_exchanged_by_the_server_of_that_resource_alone(app, signed_in, rp, api):
    other = Service(app, "other")
    with transaction():
        resources.add("https://api.test/", client=api.client)
        resources.add("https://ledger.test/", access_token_format=TokenFormat.JWT)
    tokens = rp.exchange(rp.code(signed_in, resource="https://api.test/")).json

    assert other.take(tokens["access_token"]).json["error"] == "invalid_request"
    held = api.taken(tokens["access_token"], audience="https://ledger.test/")["access_token"]

    claims = verify_own(
        UnverifiedJWT(held),
        typ=frozenset({"at+jwt"}),
        audience="https://ledger.test/",
        require=("sub", "act", "exp", "iat"),
    )
    assert (claims["client_id"], claims["act"]) == ("api", {"sub": "api"})


class TestOfBoundTokens:
    """A token that needs a key is exchanged for one that needs a key, if for any (rfc9449, rfc8693)."""

    @pytest.fixture
    def bound(self, app, signed_in) -> dict:
        """The tokens of Ada's app on her phone, which proves a key of its own."""
        phone = RelyingParty(app, "phone", public=True)
        form = {"grant_type": "authorization_code", "code": phone.code(signed_in), "client_id": "phone"}
        form |= {"redirect_uri": phone.redirect_uri, "code_verifier": VERIFIER}
        return phone.http.post("/token", data=form, headers={"DPoP": Prover().proof()}).json

    @pytest.fixture
    def service(self, app) -> Service:
        return Service(app, of=("phone",))

    def test_no_bearer_token_comes_of_it(self, service, bound):
        """The attack: the key is needed no more once some service has exchanged the token."""
        refused = service.take(bound["access_token"])

        assert (refused.status_code, refused.json["error"]) == (400, "invalid_request")
        assert "bound to a key" in refused.json["error_description"]

    def test_a_service_binds_it_to_its_own_key(self, service, bound):
        own = Prover()
        form = {"grant_type": TOKEN_EXCHANGE, "subject_token": bound["access_token"]}
        form |= {"subject_token_type": TYPE}

        held = service.http.post(
            "/token", data=form, auth=("api", secret_of("api")), headers={"DPoP": own.proof()}
        ).json

        assert held["token_type"] == "DPoP"
        assert service.introspect(held["access_token"])["cnf"] == {"jkt": own.jkt}
        shown = service.http.get("/userinfo", headers=own.show(held["access_token"]))
        assert shown.status_code == 200
        assert service.userinfo(held["access_token"]).status_code == 401
