"""Request objects (rfc9101, core §6): the request as the client has signed it, by value."""

import base64
import hmac
import json
import time
from dataclasses import replace

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, OKPKey, RSAKey

from provider.infrastructure.database import db
from tests.factories import secret_of
from tests.support.browsers import ISSUER, query_of
from tests.support.relying_party import RelyingParty, type_password

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
KEY = ECKey.generate_key("P-256", {"kid": "ec", "use": "sig"})
RSA = RSAKey.generate_key(2048, {"kid": "rsa"})
ED = OKPKey.generate_key("Ed25519", {"kid": "ed"})
STRANGERS = ECKey.generate_key("P-256", {"kid": "ec"})
JWKS = {"keys": [key.as_dict(private=False) for key in (KEY, RSA, ED)]}
TYP = "oauth-authz-req+jwt"


@pytest.fixture
def rp(app):
    return RelyingParty(app, jwks=JWKS)


def claims_of(rp, **changes) -> dict[str, object]:
    now = int(time.time())
    usual = {**rp.request(), "iss": rp.client_id, "aud": ISSUER, "exp": now + 60, "nbf": now, "iat": now}
    return {name: value for name, value in (usual | changes).items() if value is not None}


def signed(payload, key=KEY, *, alg="ES256", **header) -> str:
    """A JWS over claims; a header member that is None is left out."""
    members = {"alg": alg, "kid": key.kid, "typ": TYP} | header
    members = {name: value for name, value in members.items() if value is not None}
    text = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return jws.serialize_compact(members, text, key, algorithms=[alg])


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def by_secret(claims, secret: bytes, **header) -> str:
    """Sign with HS256 and anything for a secret, which libraries refuse to do."""
    said = f"{encoded({'alg': 'HS256'} | header)}.{encoded(claims)}"
    mac = hmac.digest(secret, said.encode(), "sha256")
    return f"{said}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def ask(browser, rp, request, **beside):
    sent = {"client_id": rp.client_id, "request": request} | beside
    return browser.get("/authorize", query_string=sent)


@pytest.mark.spec("rfc9101 §6.3")
def test_what_is_signed_counts_and_nothing_beside_it(signed_in, rp):
    response = ask(
        signed_in,
        rp,
        signed(claims_of(rp)),
        state="evil",
        scope="openid phone",
        redirect_uri="https://e.test",
    )

    params = query_of(response)
    assert response.headers["Location"].startswith(rp.redirect_uri)
    assert (params["state"], params["iss"]) == ("the state", ISSUER)
    assert rp.exchange(params["code"]).json["scope"] == "openid profile email"


@pytest.mark.spec("core 18, rfc9101 §6.2")
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.parametrize(
    ("alg", "key"),
    [("RS256", RSA), ("PS256", RSA), ("ES256", KEY), ("EdDSA", ED)],
    ids=lambda value: str(value) if isinstance(value, str) else "",
)
@pytest.mark.parametrize(
    "header", [{}, {"kid": None, "typ": None}, {"typ": "Application/OAuth-Authz-Req+JWT"}], ids=str
)
def test_each_signature_on_offer_is_taken(signed_in, rp, alg, key, header):
    assert "code" in query_of(ask(signed_in, rp, signed(claims_of(rp), key, alg=alg, **header)))


@pytest.mark.spec("core 18")
@pytest.mark.parametrize(
    ("changes", "beside"),
    [
        pytest.param({}, {"response_type": "code", "scope": "openid"}, id="what OAuth 2.0 wants outside"),
        pytest.param({"max_age": 600}, {}, id="a number as JSON has it"),
        pytest.param({"aud": [ISSUER, "https://other.test"]}, {}, id="several audiences"),
        pytest.param({"exp": None, "nbf": None, "iat": None, "aud": None, "iss": None}, {}, id="no times"),
        pytest.param({"unknown": {"a": [1]}, "code_verifier": 7}, {}, id="unknown claims"),
    ],
)
def test_what_is_right(signed_in, rp, changes, beside):
    assert "code" in query_of(ask(signed_in, rp, signed(claims_of(rp, **changes)), **beside))


LARGE = b"x" * 12_000
FORGED = {
    "signed by a stranger": lambda rp: signed(claims_of(rp), STRANGERS),
    "a key in its own header": lambda rp: signed(
        claims_of(rp), STRANGERS, kid=None, jwk=STRANGERS.as_dict(private=False)
    ),
    "an address of keys in its header": lambda rp: signed(
        claims_of(rp), STRANGERS, jku="https://evil.test/jwks"
    ),
    "an unknown kid": lambda rp: signed(claims_of(rp), kid="../../etc/passwd"),
    "alg none": lambda rp: f"{encoded({'alg': 'none'})}.{encoded(claims_of(rp))}.",
    "alg NONE": lambda rp: f"{encoded({'alg': 'NONE'})}.{encoded(claims_of(rp))}.",
    "alg none with a signature": lambda rp: f"{encoded({'alg': 'none'})}.{encoded(claims_of(rp))}.eA",
    "the public key as a secret": lambda rp: by_secret(claims_of(rp), RSA.as_pem(private=False), kid="rsa"),
    "another key's algorithm": lambda rp: signed(claims_of(rp), RSA, alg="RS256", kid="ec"),
    "a changed payload": lambda rp: _changed(signed(claims_of(rp)), claims_of(rp, scope="openid phone")),
    "another type": lambda rp: signed(claims_of(rp), typ="at+jwt"),
    "a client assertion": lambda rp: signed(claims_of(rp, sub="red"), typ="JWT"),
    "an assertion by its type": lambda rp: signed(claims_of(rp), typ="client-authentication+jwt"),
    "another client's": lambda rp: signed(claims_of(rp, client_id="green")),
    "no client_id": lambda rp: signed(claims_of(rp, client_id=None)),
    "another issuer": lambda rp: signed(claims_of(rp, iss="green")),
    "another audience": lambda rp: signed(claims_of(rp, aud="https://other.test")),
    "an audience that begins like ours": lambda rp: signed(claims_of(rp, aud=ISSUER + ".evil.test")),
    "expired": lambda rp: signed(claims_of(rp, exp=int(time.time()))),
    "not yet": lambda rp: signed(claims_of(rp, nbf=int(time.time()) + 60)),
    "issued in the future": lambda rp: signed(claims_of(rp, iat=int(time.time()) + 60)),
    "an exp that is no number": lambda rp: signed(claims_of(rp, exp="tomorrow")),
    "an object inside": lambda rp: signed(claims_of(rp, request="x")),
    "an address inside": lambda rp: signed(claims_of(rp, request_uri="https://red.test/r")),
    "a scope that is a list": lambda rp: signed(claims_of(rp, scope=["openid"])),
    "a state that is a number": lambda rp: signed(claims_of(rp, state=7)),
    "a NUL": lambda rp: signed(claims_of(rp, state="a\0b")),
    "half a letter": lambda rp: signed(claims_of(rp, state="\ud800")),
    "a claim twice": lambda rp: signed(b'{"client_id": "red", "client_id": "green"}'),
    "no object": lambda rp: signed(b"[]"),
    "no JSON": lambda rp: signed(b"{"),
    "very deep": lambda rp: signed(b'{"client_id":"red","claims":' + b'{"a":' * 500 + b"1" + b"}" * 501),
    "no JWT": lambda rp: "x",
    "five parts": lambda rp: "a.b.c.d.e",
    "dots alone": lambda rp: "." * 8000,
}


def _changed(token: str, claims: dict[str, object]) -> str:
    header, _, signature = token.split(".")
    return f"{header}.{encoded(claims)}.{signature}"


@pytest.mark.spec("rfc9101 §6.3")
@pytest.mark.spec("ABU-36 to ABU-42")
def test_what_is_forged_or_cannot_be_meant_is_refused(signed_in, rp):
    for title, forge in FORGED.items():
        response = ask(signed_in, rp, forge(rp), redirect_uri=rp.redirect_uri, state="outside")

        params = query_of(response)
        assert params["error"] == "invalid_request_object", title
        assert (params["state"], params["iss"]) == ("outside", ISSUER), title


def test_without_a_proven_address_its_faults_are_a_page(signed_in, rp):
    for beside in ({}, {"redirect_uri": "https://evil.test"}):
        response = ask(signed_in, rp, FORGED["expired"](rp), **beside)

        assert response.status_code == 400
        assert "Location" not in response.headers
        assert "invalid_request_object" in response.get_data(as_text=True)
    assert ask(signed_in, rp, signed(claims_of(rp, redirect_uri="https://evil.test"))).status_code == 400


def test_what_the_signed_request_asks_wrongly_is_reported_at_its_own_address(signed_in, rp):
    params = query_of(ask(signed_in, rp, signed(claims_of(rp, scope="nonsense")), state="outside"))

    assert (params["error"], params["state"]) == ("invalid_scope", "the state")


@pytest.mark.parametrize(
    ("beside", "error"),
    [
        pytest.param({"response_type": "code id_token"}, "invalid_request_object", id="another type outside"),
        pytest.param({"request_uri": "https://red.test/r"}, "invalid_request", id="two objects"),
    ],
)
def test_what_stands_beside_it_may_not_contradict(signed_in, rp, beside, error):
    beside = {"redirect_uri": rp.redirect_uri, "response_mode": "query"} | beside

    response = ask(signed_in, rp, signed(claims_of(rp)), **beside)

    assert f"error={error}" in response.headers["Location"]


def test_a_client_without_keys_has_none_that_would_fit(app, signed_in):
    green = RelyingParty(app, "green")

    response = ask(signed_in, green, signed(claims_of(green)), redirect_uri=green.redirect_uri)

    assert query_of(response)["error"] == "invalid_request_object"


def test_the_registered_signature_is_the_only_one(app, signed_in):
    rp = RelyingParty(app, jwks=JWKS, request_object_signing_alg="PS256")
    beside = {"redirect_uri": rp.redirect_uri}

    assert "code" in query_of(ask(signed_in, rp, signed(claims_of(rp), RSA, alg="PS256")))
    for wrong in (signed(claims_of(rp)), signed(claims_of(rp), RSA, alg="RS256")):
        assert query_of(ask(signed_in, rp, wrong, **beside))["error"] == "invalid_request_object"


@pytest.mark.spec("rfc9101 §10.5")
def test_a_client_may_promise_to_sign_always(app, signed_in):
    rp = RelyingParty(app, jwks=JWKS, require_signed_request_object=True)
    object_ = signed(claims_of(rp))

    assert query_of(rp.authorize(signed_in))["error"] == "invalid_request"
    assert rp.post("/par", **rp.request()).json["error"] == "invalid_request"
    assert "code" in query_of(ask(signed_in, rp, object_))
    pushed = rp.post("/par", request=object_).json["request_uri"]
    asked = {"client_id": "red", "request_uri": pushed}
    assert "code" in query_of(signed_in.get("/authorize", query_string=asked))


def test_a_person_may_answer_meanwhile(http, rp, ada):
    params = query_of(type_password(http, ask(http, rp, signed(claims_of(rp)))))

    assert rp.exchange(params["code"]).status_code == 200


def test_a_large_object_costs_nothing(signed_in, rp, statements):
    with statements() as seen:
        response = ask(signed_in, rp, signed(LARGE))

    assert response.status_code == 400
    assert seen == []


@pytest.mark.spec("rfc9126 2")
def test_an_object_can_be_pushed(signed_in, rp):
    proof = ("red", secret_of("red"))
    pushed = rp.http.post("/par", data={"request": signed(claims_of(rp)), "state": "evil"}, auth=proof)
    assert pushed.status_code == 201

    asked = {"client_id": "red", "request_uri": pushed.json["request_uri"]}

    assert query_of(signed_in.get("/authorize", query_string=asked))["state"] == "the state"
    for title in ("alg none", "signed by a stranger", "another client's", "expired"):
        refused = rp.http.post("/par", data={"request": FORGED[title](rp)}, auth=proof)
        assert (refused.status_code, refused.json["error"]) == (400, "invalid_request_object"), title
    db.session.rollback()


class TestWhereItIsNotOffered:
    @pytest.fixture
    def settings(self, settings):
        return replace(settings, request_objects=False)

    @pytest.mark.spec("core 9")
    def test_it_is_said_so(self, signed_in, rp):
        by_value = rp.authorize(signed_in, request=signed(claims_of(rp)))
        by_reference = rp.authorize(signed_in, request_uri="https://red.test/r")
        document = rp.http.get("/.well-known/openid-configuration").json

        assert query_of(by_value)["error"] == "request_not_supported"
        assert query_of(by_reference)["error"] == "request_uri_not_supported"
        assert document["request_parameter_supported"] is False
        assert document["request_uri_parameter_supported"] is False
        assert "request_object_signing_alg_values_supported" not in document
