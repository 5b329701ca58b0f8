"""The FAPI 2.0 Security Profile, played over HTTP by a client registered as docs/connect/apis.md says."""

from collections.abc import Callable
from datetime import timedelta
from itertools import count

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from provider.infrastructure import clock
from tests.factories import make_account, make_session
from tests.support.browsers import ISSUER, query_of, show_session
from tests.support.prover import Prover
from tests.support.relying_party import RelyingParty

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
KEYS = {
    "ES256": ECKey.generate_key("P-256", {"kid": "red-1"}, private=True),
    "PS256": RSAKey.generate_key(2048, {"kid": "red-1"}, private=True),
}
_numbers = count()


class FAPIClient(RelyingParty):
    """A client of the profile: it proves itself by key, pushes its requests, and binds its tokens."""

    def __init__(self, app, alg: str) -> None:
        self.key, self.alg, self.prover = KEYS[alg], alg, Prover()
        super().__init__(
            app,
            "red",
            token_endpoint_auth_method="private_key_jwt",
            token_endpoint_auth_signing_alg=alg,
            jwks={"keys": [self.key.as_dict(private=False)]},
            id_token_signed_response_alg=alg,
            require_pushed_authorization_requests=True,
            dpop_bound_access_tokens=True,
        )

    def post(self, path, *, proof: str | None = None, **data):
        form = {name: value for name, value in data.items() if value is not None}
        form |= {"client_assertion_type": ASSERTION_TYPE, "client_assertion": self.assertion()}
        proof = self.prover.proof(path) if proof is None else proof
        return self.http.post(path, data=form, headers={"DPoP": proof} if proof else {})

    def assertion(self, **changes) -> str:
        now = int(clock.now().timestamp())
        jti = f"assertion-{next(_numbers)}"
        # FAPI 2.0 §5.3.2.1: 'the authorization server's issuer identifier' is the audience.
        claims = {"iss": "red", "sub": "red", "aud": ISSUER, "iat": now, "exp": now + 60, "jti": jti}
        header = {"alg": self.alg, "kid": "red-1"}
        return jwt.encode(header, claims | changes, self.key, algorithms=[self.alg])

    def push(self, **changes) -> str:
        response = self.post("/par", **self.request(**changes))
        assert response.status_code == 201, response.get_data(as_text=True)
        return response.json["request_uri"]

    def authorize(self, browser, **changes):
        pushed = {"client_id": "red", "request_uri": self.push(**changes)}
        return browser.get("/authorize", query_string=pushed)

    def userinfo(self, access_token):
        return self.http.get("/userinfo", headers=self.prover.show(access_token))


@pytest.fixture
def browser_of_ada(app, http, signing_keys):
    return show_session(http, make_session(make_account("ada")))


@pytest.fixture
def client_of(app) -> Callable[[str], FAPIClient]:
    return lambda alg: FAPIClient(app, alg)


@pytest.mark.spec("fapi2 §5.3")
@pytest.mark.parametrize("alg", ["ES256", "PS256"])
def test_a_client_of_the_profile_signs_a_person_in(client_of, browser_of_ada, alg):
    red = client_of(alg)

    params = query_of(red.authorize(browser_of_ada))
    tokens = red.exchange(params["code"]).json
    refreshed = red.refresh(tokens["refresh_token"]).json

    keys = KeySet.import_key_set(red.http.get("/jwks").json)
    found = jwt.decode(tokens["id_token"], keys, algorithms=[alg])
    # rfc9207 §2.4: the issuer is stated beside the code.
    assert (params["iss"], params["state"]) == (ISSUER, "the state")
    assert (found.header["alg"], found.claims["nonce"]) == (alg, "the nonce")
    assert tokens["token_type"] == refreshed["token_type"] == "DPoP"
    assert red.userinfo(tokens["access_token"]).json["sub"] == found.claims["sub"]
    assert red.userinfo(refreshed["access_token"]).status_code == 200


@pytest.mark.spec("fapi2 §5.3")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_the_profile_forbids_is_refused(client_of, browser_of_ada):
    red, http = client_of("ES256"), browser_of_ada

    not_pushed = http.get("/authorize", query_string=red.request())
    without_challenge = red.post("/par", **red.request(code_challenge=None, code_challenge_method=None))
    code = query_of(red.authorize(http))["code"]
    without_proof = red.exchange(code, proof="")
    without_verifier = red.exchange(code, code_verifier=None)
    to_the_endpoint = red.assertion(aud=[ISSUER, "https://evil.test"])
    form = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": to_the_endpoint, "token": "x"}
    token = red.exchange(code).json["access_token"]
    as_bearer = red.http.get("/userinfo", headers={"Authorization": f"Bearer {token}"})
    in_the_url = red.http.get("/userinfo", query_string={"access_token": token})

    assert query_of(not_pushed)["error"] == "invalid_request"
    assert without_challenge.json["error"] == "invalid_request"
    assert without_proof.json["error"] == "invalid_request"
    assert without_verifier.json["error"] == "invalid_grant"
    assert red.http.post("/introspect", data=form).status_code == 401
    assert (as_bearer.status_code, in_the_url.status_code) == (401, 400)


@pytest.mark.spec("fapi2 §5.3")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_was_pushed_with_a_key_is_exchanged_by_its_holder_alone(client_of, browser_of_ada):
    red = client_of("ES256")
    code = query_of(red.authorize(browser_of_ada))["code"]

    assert red.exchange(code, proof=Prover().proof()).json["error"] == "invalid_grant"
    assert red.exchange(code).status_code == 200


@pytest.mark.spec("fapi2 §5.3")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_refresh_token_stays_the_same_and_is_proven_each_time(client_of, browser_of_ada, turned_clock):
    red = client_of("ES256")
    refresh_token = red.exchange(query_of(red.authorize(browser_of_ada))["code"]).json["refresh_token"]

    for _ in range(3):
        turned_clock.turn(timedelta(minutes=20))
        response = red.refresh(refresh_token)
        assert (response.status_code, response.json["refresh_token"]) == (200, refresh_token)
        # The person is there: an unused session would end, and the token with it.
        red.authorize(browser_of_ada)

    assert red.refresh(refresh_token, proof="").json["error"] == "invalid_request"
    assert red.revoke(refresh_token).status_code == 200
    assert red.refresh(refresh_token).json["error"] == "invalid_grant"
