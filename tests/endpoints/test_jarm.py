"""Authorization responses as signed JWTs (JARM): in each mode, errors too, and never a plain one instead."""

import re
import time
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from sqlalchemy import update

from provider.infrastructure.database import db, transaction
from provider.keys.keyring import the_keyring
from provider.keys.models import KeyState, SigningKey
from provider.protocol.client_metadata import InvalidClientMetadata
from provider.protocol.client_registration import read_registration
from tests.endpoints.test_authorize_response_modes import LEGACY
from tests.factories import secret_of
from tests.support.browsers import ISSUER, Page
from tests.support.relying_party import RelyingParty, type_password

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
WAYS = {"jwt": "query", "query.jwt": "query", "fragment.jwt": "fragment", "form_post.jwt": "form_post"}


def sent_by(browser, response) -> dict[str, dict[str, str]]:
    """The parameters that a response brings to the app, by its carriers."""
    if response.status_code == 200:
        return {"form_post": {name: text for name, text in Page(browser, response).fields.items() if name}}
    url = urlsplit(response.headers["Location"])
    brought = {"query": dict(parse_qs(url.query)), "fragment": dict(parse_qs(url.fragment))}
    return {way: {name: texts[0] for name, texts in said.items()} for way, said in brought.items() if said}


def signed_by_us(rp, brought: dict[str, str], *, alg: str = "RS256") -> dict[str, object]:
    """Verify a response as an app does, with the published keys, and return its claims."""
    assert set(brought) == {"response"}
    keys = KeySet.import_key_set(rp.http.get("/jwks").json)
    response = jwt.decode(brought["response"], keys, algorithms=[alg])
    assert response.header["alg"] == alg
    assert (response.claims["iss"], response.claims["aud"]) == (ISSUER, rp.client_id)
    assert 0 < response.claims["exp"] - time.time() <= 600
    return response.claims


@pytest.mark.spec("jarm §2.3")
@pytest.mark.spec("jarm §2.1")
@pytest.mark.parametrize(("mode", "way"), WAYS.items())
def test_a_response_is_a_jwt_and_nothing_beside_it(signed_in, rp, mode, way):
    brought = sent_by(signed_in, rp.authorize(signed_in, response_mode=mode))

    assert set(brought) == {way}
    claims = signed_by_us(rp, brought[way])
    assert set(claims) == {"iss", "aud", "exp", "code", "state"}
    assert claims["state"] == "the state"
    assert rp.exchange(claims["code"]).status_code == 200


@pytest.mark.spec("jarm §2.1")
@pytest.mark.parametrize(("mode", "way"), WAYS.items())
@pytest.mark.parametrize(
    ("changes", "error"),
    [
        pytest.param({"scope": "nonsense"}, "invalid_scope", id="a wrong request"),
        pytest.param({"prompt": "none", "max_age": "0"}, "login_required", id="no person there"),
        pytest.param({"code_challenge": "x"}, "invalid_request", id="no PKCE challenge"),
    ],
)
def test_an_error_is_a_jwt_too(signed_in, rp, mode, way, changes, error):
    brought = sent_by(signed_in, rp.authorize(signed_in, response_mode=mode, **changes))

    claims = signed_by_us(rp, brought[way])
    assert set(claims) == {"iss", "aud", "exp", "error", "error_description", "state"}
    assert (claims["error"], claims["state"]) == (error, "the state")


@pytest.mark.parametrize("mode", ["web_message.jwt", ".jwt", "query.jwt.jwt"])
def test_a_signed_mode_that_is_not_offered_is_refused_by_a_jwt(signed_in, rp, mode):
    brought = sent_by(signed_in, rp.authorize(signed_in, response_mode=mode))

    assert signed_by_us(rp, brought["query"])["error"] == "invalid_request"


def test_a_pushed_request_is_answered_by_a_jwt(signed_in, rp):
    proof = ("red", secret_of("red"))
    pushed = rp.http.post("/par", data=rp.request(response_mode="jwt"), auth=proof).json["request_uri"]
    asked = {"client_id": "red", "request_uri": pushed, "response_mode": "query"}

    brought = sent_by(signed_in, signed_in.get("/authorize", query_string=asked))

    assert signed_by_us(rp, brought["query"])["code"]


@pytest.mark.usefixtures("ada")
def test_a_response_after_a_sign_in_is_a_jwt(http, rp):
    brought = sent_by(http, type_password(http, rp.authorize(http, response_mode="form_post.jwt")))

    assert signed_by_us(rp, brought["form_post"])["code"]


@pytest.mark.parametrize("mode", ["jwt", "form_post.jwt"])
def test_an_error_that_a_person_must_see_first_is_a_jwt_behind_the_button(app, http, mode):
    """An app that registered itself is answered by way of a page that names its host."""
    evil = RelyingParty(app, "evil", first_party=False, settings={"self_registered": True})

    response = evil.authorize(http, response_mode=mode, prompt="none")

    link = re.search(r'<a [^>]*id="continue"[^>]*href="[^"?]*[?]response=([^"]*)"', response.text)
    brought = {"response": link[1]} if link else Page(http, response).fields
    assert "Location" not in response.headers
    assert signed_by_us(evil, brought)["error"] == "login_required"


def test_a_response_passes_for_no_id_token(signed_in, rp):
    response = sent_by(signed_in, rp.authorize(signed_in, response_mode="jwt"))["query"]["response"]

    hinted = sent_by(signed_in, rp.authorize(signed_in, id_token_hint=response))["query"]
    ended = signed_in.get("/session/end", query_string={"id_token_hint": response})

    assert hinted["error"] == "invalid_request"
    assert ended.headers.get("Location", "").startswith("/session/end/confirm") or ended.status_code == 200
    assert "code" in sent_by(signed_in, rp.authorize(signed_in))["query"], "the session lives"


class TestForAClientThatRegisteredIt:
    @pytest.fixture
    def green(self, app):
        return RelyingParty(app, "green", authorization_signed_response_alg="ES256")

    @pytest.mark.spec("jarm §3")
    def test_its_algorithm_signs(self, signed_in, green):
        brought = sent_by(signed_in, green.authorize(signed_in, response_mode="jwt"))

        assert signed_by_us(green, brought["query"], alg="ES256")["code"]

    @pytest.mark.spec("jarm §3")
    @pytest.mark.parametrize("mode", [None, "query", "fragment", "form_post", "nonsense"])
    def test_it_never_gets_a_plain_response(self, signed_in, green, mode):
        (brought,) = sent_by(signed_in, green.authorize(signed_in, response_mode=mode)).values()

        claims = signed_by_us(green, brought, alg="ES256")
        assert claims["error"] == "invalid_request"

    def test_not_even_where_the_request_is_ambiguous(self, signed_in, green):
        asked = [*green.request(response_mode="jwt").items(), ("response_mode", "query"), ("state", "2")]

        brought = sent_by(signed_in, signed_in.get("/authorize", query_string=asked))

        assert signed_by_us(green, brought["query"], alg="ES256")["error"] == "invalid_request"

    def test_without_a_key_there_is_a_page_and_no_plain_response(self, signed_in, green):
        with transaction():
            keys = update(SigningKey).where(SigningKey.alg == "ES256")
            db.session.execute(keys.values(state=KeyState.RETIRED))
        the_keyring().forget()

        response = green.authorize(signed_in, response_mode="jwt", scope="nonsense")

        assert response.status_code == 400
        assert "Location" not in response.headers
        assert "invalid_scope" in response.text


@pytest.mark.spec("jarm §3")
def test_a_client_of_fapi_is_signed_for_as_the_profile_allows(app, signed_in):
    profile = {"require_pushed_authorization_requests": True, "dpop_bound_access_tokens": True}
    green = RelyingParty(app, "green", **profile)
    asked = green.request(response_mode="jwt")

    brought = sent_by(signed_in, signed_in.get("/authorize", query_string=asked))

    assert signed_by_us(green, brought["query"], alg="PS256")["error"] == "invalid_request"


@pytest.mark.spec("jarm §3")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("authorization_signed_response_alg", "none"),
        ("authorization_signed_response_alg", "HS256"),
        ("authorization_encrypted_response_alg", "RSA-OAEP-256"),
        ("authorization_encrypted_response_enc", "A128GCM"),
    ],
)
def test_what_is_not_offered_cannot_be_registered(app, name, value):
    with pytest.raises(InvalidClientMetadata, match=name):
        read_registration({"redirect_uris": ["https://red.test/cb"], name: value})


@pytest.mark.spec("jarm §4")
def test_discovery_lists_modes_and_algorithms(rp):
    document = rp.http.get("/.well-known/openid-configuration").json

    assert {*WAYS} <= set(document["response_modes_supported"])
    assert set(document["authorization_signing_alg_values_supported"]) == {"RS256", "ES256", "EdDSA", "PS256"}


class TestForTokensFromHere:
    @pytest.fixture
    def settings(self, settings):
        return replace(settings, hybrid_response_types=True)

    @pytest.mark.spec("jarm §2.3")
    def test_tokens_go_into_no_query(self, app, signed_in):
        rp = RelyingParty(app, **LEGACY)

        served = sent_by(
            signed_in, rp.authorize(signed_in, response_type="code id_token", response_mode="jwt")
        )
        refused = sent_by(
            signed_in, rp.authorize(signed_in, response_type="code id_token", response_mode="query.jwt")
        )

        assert {"code", "id_token"} <= set(signed_by_us(rp, served["fragment"]))
        assert signed_by_us(rp, refused["fragment"])["error"] == "invalid_request"
