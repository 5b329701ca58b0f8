"""Access tokens that work only with the client's TLS certificate (rfc8705 §3)."""

from dataclasses import replace

import pytest

from tests.factories import secret_of
from tests.support.certificates import BEHIND_PROXY, make_certificate
from tests.support.relying_party import RelyingParty

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
REDS, OTHER = make_certificate("CN=red"), make_certificate("CN=red")


@pytest.fixture
def settings(settings):
    return replace(settings, **BEHIND_PROXY)


class Shower(RelyingParty):
    """A relying party that shows its certificate at each request, unless a test gives it another."""

    shown = REDS

    def headers(self) -> dict[str, str]:
        return self.shown.headers(verified="NONE") if self.shown else {}

    def post(self, path, **data):
        form = {name: value for name, value in data.items() if value is not None}
        auth = (self.client_id, secret_of(self.client_id))
        if self.public:
            return self.http.post(path, data={"client_id": self.client_id} | form, headers=self.headers())
        return self.http.post(path, data=form, auth=auth, headers=self.headers())

    def userinfo(self, access_token):
        headers = self.headers() | {"Authorization": f"Bearer {access_token}"}
        return self.http.get("/userinfo", headers=headers)


@pytest.fixture
def rp(app):
    return Shower(app, "red", tls_client_certificate_bound_access_tokens=True, access_token_format="jwt")


@pytest.mark.spec("rfc8705 §3")
def test_a_token_works_with_the_certificate_that_it_was_asked_with(rp, signed_in):
    tokens = rp.sign_in(signed_in)

    said = rp.introspect(tokens["access_token"])
    assert tokens["token_type"] == "Bearer"
    assert list(said["cnf"]) == ["x5t#S256"]
    assert rp.userinfo(tokens["access_token"]).status_code == 200
    for shown in (OTHER, None):
        rp.shown = shown
        refused = rp.userinfo(tokens["access_token"])
        assert (refused.status_code, refused.json["error"]) == (401, "invalid_token")


@pytest.mark.spec("rfc8705 §3.4")
def test_a_client_that_registered_it_gets_no_token_without_a_certificate(rp, signed_in):
    code, rp.shown = rp.code(signed_in), None

    refused = rp.exchange(code)

    assert (refused.status_code, refused.json["error"]) == (400, "invalid_request")
    rp.shown = REDS
    assert rp.exchange(code).status_code == 200


@pytest.mark.spec("rfc8705 §4")
def test_a_public_clients_refresh_token_is_bound_to_its_certificate(app, signed_in):
    blue = Shower(app, "blue", public=True, tls_client_certificate_bound_access_tokens=True)
    tokens = blue.sign_in(signed_in)
    blue.shown = OTHER

    assert blue.refresh(tokens["refresh_token"]).json["error"] == "invalid_grant"
    blue.shown = REDS
    assert blue.refresh(tokens["refresh_token"]).status_code == 200


def test_a_confidential_client_may_come_with_its_next_certificate(rp, signed_in):
    tokens, rp.shown = rp.sign_in(signed_in), OTHER

    refreshed = rp.refresh(tokens["refresh_token"]).json

    assert rp.userinfo(refreshed["access_token"]).status_code == 200


def test_a_client_that_did_not_register_it_may_show_what_it_wants(app, signed_in):
    green = Shower(app, "green")
    token, green.shown = green.sign_in(signed_in)["access_token"], None

    assert green.userinfo(token).status_code == 200


@pytest.mark.spec("rfc8705 §3.3")
def test_the_metadata_says_so(rp):
    assert rp.http.get("/.well-known/openid-configuration").json["tls_client_certificate_bound_access_tokens"]
