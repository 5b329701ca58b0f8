"""ID Tokens, userinfo and authorization responses encrypted to a key of the client (core §10.2)."""

import base64
import json
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from joserfc import jwe, jwt
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey

from provider.clients.problems import list_problems
from provider.sessions.queries import find_live
from tests.endpoints.test_authorize_response_modes import LEGACY, fragment_of
from tests.endpoints.test_jarm import sent_by
from tests.factories import STRAIGHT_BACK, make_client, make_session
from tests.support.browsers import ISSUER, Page, follow, query_of, show_session
from tests.support.key_server import published
from tests.support.relying_party import RelyingParty

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

ENC = {"use": "enc"}
RSA = RSAKey.generate_key(2048, ENC | {"kid": "rsa"}, private=True)
EC = ECKey.generate_key("P-256", ENC | {"kid": "ec"}, private=True)
P521 = ECKey.generate_key("P-521", ENC, private=True)
X25519 = OKPKey.generate_key("X25519", ENC | {"kid": "okp"}, private=True)
SIGNING = RSAKey.generate_key(2048, {"use": "sig", "kid": "sig"}, private=True)


def jwks(*keys) -> dict[str, object]:
    return {"keys": [key.as_dict(private=False) for key in keys]}


def encrypting(response: str, alg: str, enc: str | None, *keys, **more) -> dict[str, object]:
    """Return the metadata that a client registers for one kind of response."""
    members = {f"{response}_encrypted_response_alg": alg, "jwks": jwks(*keys), **more}
    return members | ({f"{response}_encrypted_response_enc": enc} if enc else {})


def decrypted(token: str, key, alg: str, enc: str) -> tuple[dict[str, object], bytes]:
    opened = jwe.decrypt_compact(token, key, algorithms=[alg, enc])
    header = json.loads(base64.urlsafe_b64decode(token.partition(".")[0] + "=="))
    assert (header["alg"], header["enc"]) == (alg, enc)
    return header, opened.plaintext


def verified(rp, signed: bytes) -> dict[str, object]:
    return jwt.decode(signed.decode(), KeySet.import_key_set(rp.http.get("/jwks").json)).claims


@pytest.mark.spec("core §10.2")
@pytest.mark.parametrize(
    ("key", "alg", "enc"),
    [
        *((RSA, alg, "A128CBC-HS256") for alg in ("RSA-OAEP-256", "RSA-OAEP")),
        *((EC, alg, "A128GCM") for alg in ("ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A256KW")),
        (P521, "ECDH-ES+A256KW", "A256GCM"),
        (X25519, "ECDH-ES", "A256GCM"),
    ],
)
def test_an_id_token_is_signed_and_then_encrypted(app, signed_in, key, alg, enc):
    rp = RelyingParty(app, **encrypting("id_token", alg, enc, SIGNING, key))

    tokens = rp.sign_in(signed_in)

    header, signed = decrypted(tokens["id_token"], key, alg, enc)
    assert header["cty"] == "JWT"
    assert header.get("kid") == key.get("kid")
    claims = verified(rp, signed)
    assert (claims["iss"], claims["aud"], claims["nonce"]) == (ISSUER, rp.client_id, "the nonce")


@pytest.mark.spec("registration 1, registration 2")
def test_without_an_enc_it_is_the_specifications_and_a_refresh_encrypts_too(app, signed_in):
    rp = RelyingParty(app, **encrypting("id_token", "RSA-OAEP-256", None, RSA))
    tokens = rp.sign_in(signed_in, scope="openid offline_access", prompt="consent")

    again = rp.refresh(tokens["refresh_token"]).json

    for response in (tokens, again):
        _header, signed = decrypted(response["id_token"], RSA, "RSA-OAEP-256", "A128CBC-HS256")
        assert verified(rp, signed)["aud"] == "red"


@pytest.mark.spec("core 15")
@pytest.mark.parametrize("alg", [None, "RS256"])
def test_userinfo_is_encrypted_and_signed_if_that_is_registered(app, signed_in, alg):
    members = encrypting("userinfo", "ECDH-ES", "A128GCM", EC, userinfo_signed_response_alg=alg)
    rp = RelyingParty(app, **members)
    tokens = rp.sign_in(signed_in)
    assert tokens["id_token"].count(".") == 2

    response = rp.userinfo(tokens["access_token"])

    assert response.mimetype == "application/jwt"
    header, text = decrypted(response.text, EC, "ECDH-ES", "A128GCM")
    claims = verified(rp, text) if alg else json.loads(text)
    assert ("cty" in header) == (alg is not None)
    assert claims["email"] == "ada@example.test"
    assert claims.get("aud") == ("red" if alg else None)


@pytest.mark.spec("jarm §3")
@pytest.mark.parametrize("changes", [{}, {"scope": "nonsense"}], ids=["a response", "an error"])
def test_an_authorization_response_is_encrypted_whatever_mode_is_asked_for(app, signed_in, changes):
    rp = RelyingParty(app, **encrypting("authorization", "RSA-OAEP-256", "A256GCM", RSA))

    brought = sent_by(signed_in, rp.authorize(signed_in, response_mode="query.jwt", **changes))

    assert set(brought) == {"query"}
    assert set(brought["query"]) == {"response"}
    _header, signed = decrypted(brought["query"]["response"], RSA, "RSA-OAEP-256", "A256GCM")
    claims = verified(rp, signed)
    assert claims["state"] == "the state"
    assert ("error" if changes else "code") in claims
    plain = sent_by(signed_in, rp.authorize(signed_in))["query"]
    assert set(plain) == {"response"}


class TestFromTheAuthorizationEndpoint:
    """With response types that bring an ID Token by the browser."""

    @pytest.fixture
    def settings(self, settings):
        return replace(settings, hybrid_response_types=True)

    def test_an_id_token_is_encrypted_too(self, app, signed_in):
        rp = RelyingParty(app, **LEGACY, **encrypting("id_token", "ECDH-ES", "A128GCM", EC))

        params = fragment_of(rp.authorize(signed_in, response_type="code id_token"))

        _header, signed = decrypted(params["id_token"], EC, "ECDH-ES", "A128GCM")
        assert "c_hash" in verified(rp, signed)


class TestPublishedKeys:
    """Of a client whose keys are at its jwks_uri."""

    @pytest.fixture
    def keys(self):
        with published(jwks(SIGNING, EC)) as what:
            yield what

    @pytest.fixture
    def rp(self, app, keys):
        members = {"id_token_encrypted_response_alg": "ECDH-ES", "userinfo_encrypted_response_alg": "ECDH-ES"}
        return RelyingParty(app, jwks_uri=keys.uri, **members)

    def test_they_are_fetched_once_and_only_for_a_client_that_has_proven_itself(self, rp, keys, signed_in):
        code = rp.code(signed_in)
        asked = {"client_id": "red", "code": code, "grant_type": "authorization_code"}
        assert rp.http.post("/token", data=asked).status_code == 401
        assert keys.asked == []

        tokens = rp.exchange(code).json
        rp.userinfo(tokens["access_token"])

        decrypted(tokens["id_token"], EC, "ECDH-ES", "A128CBC-HS256")
        assert len(keys.asked) == 1

    def test_a_new_key_is_used_once_the_old_ones_are_not_fresh(self, rp, keys, signed_in, turned_clock):
        rp.sign_in(signed_in)
        keys.publish(jwks(P521))
        turned_clock.turn(timedelta(minutes=6))

        tokens = rp.sign_in(signed_in)

        decrypted(tokens["id_token"], P521, "ECDH-ES", "A128CBC-HS256")

    @pytest.mark.parametrize(
        ("document", "status", "error"),
        [
            pytest.param(jwks(SIGNING, RSA), 400, "invalid_request", id="no key that fits"),
            pytest.param({"keys": 7}, 503, "temporarily_unavailable", id="no keys at all"),
        ],
    )
    def test_without_a_key_nothing_is_issued_and_the_code_stays_good(
        self, rp, keys, signed_in, document, status, error
    ):
        keys.publish(document)
        code = rp.code(signed_in)

        refused = rp.exchange(code)

        assert (refused.status_code, refused.json["error"]) == (status, error)
        [problem] = list_problems(rp.client)
        assert (problem.kind, problem.facts) == ("encryption", {"answer": "id_token", "alg": "ECDH-ES"})
        keys.publish(jwks(EC))
        assert "id_token" in rp.exchange(code).json

    @pytest.mark.parametrize(
        "absurd",
        [
            pytest.param({"crv": "P-256", "kty": "EC", "x": "AA", "y": "AA"}, id="no point of the curve"),
            pytest.param({"crv": "X25519", "kty": "OKP", "x": "A" * 43}, id="a point of order one"),
            pytest.param({"crv": "P-256", "kty": "EC", "x": "a" * 9000, "y": "AA"}, id="an endless number"),
            pytest.param({"kty": "RSA", "n": "_" * 86, "e": "AQAB"}, id="512 bits"),
            pytest.param({"kty": "RSA", "n": "_" * 8192, "e": "AQAB"}, id="49,152 bits"),
        ],
    )
    def test_an_absurd_key_is_not_used(self, rp, keys, signed_in, absurd):
        keys.publish({"keys": [absurd, *jwks(EC)["keys"]]})

        tokens = rp.sign_in(signed_in)

        decrypted(tokens["id_token"], EC, "ECDH-ES", "A128CBC-HS256")

    def test_without_a_key_userinfo_is_refused(self, rp, keys, signed_in, turned_clock):
        tokens = rp.sign_in(signed_in)
        keys.publish(jwks(SIGNING))
        turned_clock.turn(timedelta(minutes=6))

        response = rp.userinfo(tokens["access_token"])

        assert (response.status_code, response.json["error"]) == (400, "invalid_request")


def test_without_a_key_for_authorization_responses_the_person_gets_a_page(app, signed_in):
    with published(jwks(SIGNING)) as keys:
        members = {"jwks_uri": keys.uri, "authorization_encrypted_response_alg": "RSA-OAEP-256"}
        rp = RelyingParty(app, **members)

        response = rp.authorize(signed_in)

    assert response.status_code == 400
    assert "no key for encryption with" in response.text
    assert [problem.kind for problem in list_problems(rp.client)] == ["encryption"]


@pytest.mark.spec("core 4, core 5, core 6")
def test_an_encrypted_hint_is_refused_with_what_to_send(app, signed_in):
    rp = RelyingParty(app, **encrypting("id_token", "ECDH-ES", None, EC))
    hint = rp.sign_in(signed_in)["id_token"]

    params = query_of(rp.authorize(signed_in, id_token_hint=hint))

    assert params["error"] == "invalid_request"
    assert "encrypted; decrypt it and send the signed ID Token" in params["error_description"]
    _header, signed = decrypted(hint, EC, "ECDH-ES", "A128CBC-HS256")
    assert "code" in query_of(rp.authorize(signed_in, id_token_hint=signed.decode()))


@pytest.mark.spec("rpinitiated 3, rpinitiated 4, rpinitiated 5, rpinitiated 9")
def test_an_encrypted_hint_does_not_sign_out_without_asking_and_says_why(http, ada):
    red = make_client("red", settings=STRAIGHT_BACK)
    made = make_session(ada, [red])
    show_session(http, made)
    sent = urlencode({"id_token_hint": "a.b.c.d.e", "client_id": "red"})

    page = Page(http, follow(http, http.get(f"/session/end?{sent}")))

    assert find_live(made.handle) is not None
    assert "Red</strong> asks to sign you out" in page.html
    assert 'data-parameter="id_token_hint" data-why="encrypted"' in page.html
    page.press("sign-out")
    assert find_live(made.handle) is None
