"""Assertions that prove a client, and those that prove nothing (rfc7523, THR-27)."""

import base64
import json
from dataclasses import replace
from datetime import timedelta

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey
from joserfc.jws import JWSRegistry

from provider.infrastructure import clock
from tests.security.test_client_authentication import ask
from tests.support.applications import opened
from tests.support.browsers import ISSUER
from tests.support.relying_party import RelyingParty

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
GREENS_KEY = ECKey.generate_key("P-256", {"kid": "green-1", "alg": "ES256", "use": "sig"}, private=True)
OTHER_KEY = ECKey.generate_key("P-256", {"kid": "green-1", "alg": "ES256"}, private=True)
PUBLIC = {"keys": [GREENS_KEY.as_dict(private=False)]}
ONE_DATABASE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def green(app) -> RelyingParty:
    return RelyingParty(app, "green", token_endpoint_auth_method="private_key_jwt", jwks=PUBLIC)


def assertion(key=GREENS_KEY, alg="ES256", header=None, **changes) -> str:
    now = int(clock.now().timestamp())
    claims = {"iss": "green", "sub": "green", "aud": ISSUER, "iat": now, "exp": now + 60, "jti": "once"}
    claims = {name: value for name, value in (claims | changes).items() if value is not None}
    return jwt.encode({"alg": alg, "kid": "green-1"} | (header or {}), claims, key, algorithms=[alg])


def present(rp: RelyingParty, token: str, **form):
    return ask(rp, client_assertion=token, client_assertion_type=ASSERTION_TYPE, **form)


@pytest.mark.spec("core 20, rfc7523 §3")
def test_an_assertion_proves_its_client_once(green):
    token = assertion()

    assert present(green, token).status_code == 200
    assert present(green, token).status_code == 401
    assert present(green, assertion(jti="twice"), client_id="green").status_code == 200


def test_the_type_of_an_assertion_has_no_case_and_may_be_written_out(green):
    for number, typ in enumerate(
        ("jwt", "Client-Authentication+JWT", "application/client-authentication+jwt")
    ):
        assert present(green, assertion(header={"typ": typ}, jti=str(number))).status_code == 200

    for number, typ in enumerate(("application/application/jwt", "text/jwt", "at+jwt", "")):
        assert present(green, assertion(header={"typ": typ}, jti=f"x{number}")).status_code == 401


def test_an_assertion_stays_used_when_its_request_was_refused(green):
    """ABU-51: a refusal is no second chance."""
    form = {"client_assertion": assertion(), "client_assertion_type": ASSERTION_TYPE}
    refused = green.http.post("/token", data={"grant_type": "refresh_token", "refresh_token": "x"} | form)

    assert refused.json["error"] == "invalid_grant"
    assert present(green, form["client_assertion"]).status_code == 401


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"aud": f"{ISSUER}/token"}, id="THR-27: an endpoint's address as audience"),
        pytest.param({"aud": [ISSUER]}, id="THR-27: a list of one audience"),
        pytest.param({"aud": [ISSUER, "https://evil.test"]}, id="THR-27: a list of two"),
        pytest.param({"aud": ISSUER + "/"}, id="nearly the issuer"),
        pytest.param({"aud": None}, id="no audience"),
        pytest.param({"iss": "red"}, id="issued by another client"),
        pytest.param({"iss": None}, id="without an issuer"),
        pytest.param({"sub": "red"}, id="about another client"),
        pytest.param({"sub": ["green"]}, id="a list of subjects"),
        pytest.param({"sub": None}, id="without a subject"),
        pytest.param({"exp": None}, id="without an end"),
        pytest.param({"exp": 1}, id="expired"),
        pytest.param({"exp": "soon"}, id="an end that is no number"),
        pytest.param({"exp": 10**20}, id="an end beyond all calendars"),
        pytest.param({"jti": None}, id="without jti"),
        pytest.param({"jti": ""}, id="an empty jti"),
        pytest.param({"jti": 7}, id="a jti that is no text"),
        pytest.param({"jti": "x" * 256}, id="a long jti"),
        pytest.param({"key": OTHER_KEY}, id="signed with another key"),
        pytest.param({"header": {"typ": "logout+jwt"}}, id="another kind of token"),
        pytest.param({"header": {"kid": "unknown"}}, id="an unknown kid"),
        pytest.param({"header": {"jwk": OTHER_KEY.as_dict(private=False)}, "key": OTHER_KEY}, id="ABU-36"),
    ],
)
def test_an_assertion_that_is_not_quite_right_proves_nothing(green, changes):
    response = present(green, assertion(**changes))

    assert (response.status_code, response.json["error"]) == (401, "invalid_client")
    assert response.json["error_description"] == "client authentication failed"


@pytest.mark.parametrize(
    "header",
    [
        pytest.param({"jku": "https://evil.test/jwks"}, id="ABU-36: a jku"),
        pytest.param({"x5u": "https://evil.test/chain"}, id="an x5u"),
        pytest.param({"x5c": ["AAAA"]}, id="a chain of its own"),
        pytest.param({"jwk": OTHER_KEY.as_dict(private=False)}, id="a key of its own"),
        pytest.param({"kid": "../../../dev/null"}, id="a kid that is a path"),
        pytest.param({"kid": "' OR 1=1 --"}, id="a kid that is SQL"),
        pytest.param({"kid": "green-1\u0000"}, id="a kid with a null character"),
    ],
)
@ONE_DATABASE
def test_no_header_brings_a_foreign_key_along(green, header):
    assert present(green, assertion(key=OTHER_KEY, header=header)).status_code == 401
    assert present(green, assertion()).status_code == 200


@pytest.mark.parametrize("header", [{"crit": ["exp"]}, {"b64": False, "crit": ["b64"]}, {"zip": "DEF"}])
@ONE_DATABASE
def test_an_unknown_extension_proves_nothing(green, header):
    """rfc7515 §4.1.11: made by hand, because no library would."""
    top, claims, _ = assertion().split(".")
    top = json.dumps(json.loads(base64.urlsafe_b64decode(top + "==")) | header).encode()
    signing_input = f"{base64.urlsafe_b64encode(top).rstrip(b'=').decode()}.{claims}".encode()
    signature = JWSRegistry.algorithms["ES256"].sign(signing_input, GREENS_KEY)
    signed = f"{signing_input.decode()}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"

    assert present(green, signed).status_code == 401


@pytest.mark.parametrize(
    ("claim", "away"),
    [
        pytest.param("exp", timedelta(minutes=10), id="THR-42: good for ten minutes"),
        pytest.param("iat", timedelta(minutes=2), id="from the future"),
        pytest.param("nbf", timedelta(minutes=2), id="not good yet"),
    ],
)
def test_an_assertion_is_for_now(green, claim, away):
    token = assertion(**{claim: int((clock.now() + away).timestamp())})

    assert present(green, token).status_code == 401


@pytest.mark.parametrize(
    "token",
    [
        pytest.param("", id="nothing"),
        pytest.param("x", id="no token"),
        pytest.param("e30.e30.", id="empty objects"),
        pytest.param("a" * 8192, id="a large one"),
        pytest.param(
            ".".join(
                base64.urlsafe_b64encode(part).rstrip(b"=").decode()
                for part in (b'{"alg":"ES256"}', b'{"sub":' + b"[" * 2500, b"x")
            ),
            id="a deeply nested one",
        ),
        pytest.param(
            ".".join(
                base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
                for part in ({"alg": "none"}, {"iss": "green", "sub": "green", "aud": ISSUER})
            )
            + ".",
            id="ABU-37: alg none",
        ),
    ],
)
def test_garbage_proves_nothing(green, token):
    assert present(green, token).status_code == 401


def test_the_public_key_is_no_secret_to_sign_with(app):
    """ABU-42."""
    pair = RSAKey.generate_key(2048, {"kid": "green-1"}, private=True)
    jwks = {"keys": [pair.as_dict(private=False)]}
    green = RelyingParty(app, "green", token_endpoint_auth_method="private_key_jwt", jwks=jwks)
    secret = OctKey.import_key(pair.as_pem(private=False).replace(b"-----", b""))

    assert present(green, assertion(key=secret, alg="HS256")).status_code == 401
    assert present(green, assertion(key=pair, alg="RS256")).status_code == 200


@pytest.mark.spec("core 20")
def test_the_registered_algorithm_is_the_only_one(app):
    pair = RSAKey.generate_key(2048, {"kid": "green-1"}, private=True)
    made = {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [pair.as_dict(private=False)]}}
    green = RelyingParty(app, "green", **made, token_endpoint_auth_signing_alg="PS256")

    assert present(green, assertion(key=pair, alg="RS256")).status_code == 401
    assert present(green, assertion(key=pair, alg="PS256")).status_code == 200


def test_the_assertion_is_nothing_without_its_type(green):
    assert ask(green, client_assertion=assertion()).status_code == 401


def test_an_old_client_may_name_an_endpoint_where_the_operator_needs_it(settings, app):
    """core §9; THR-27 says why it is not so for everybody."""
    with opened(replace(settings, client_assertion_endpoint_audience=True)) as lenient:
        made = {"token_endpoint_auth_method": "private_key_jwt", "jwks": PUBLIC}
        green = RelyingParty(lenient, "green", **made)
        # openid-client sent a list before 5.7.1.
        ours = [f"{ISSUER}/token", f"{ISSUER}/introspect", ISSUER, [ISSUER, f"{ISSUER}/token"], [ISSUER]]
        for number, audience in enumerate(ours):
            assert present(green, assertion(aud=audience, jti=str(number))).status_code == 200
        evil = "https://evil.test/token"
        for number, audience in enumerate([f"{ISSUER}/revoke", evil, [ISSUER, evil], [], [[ISSUER]]]):
            assert present(green, assertion(aud=audience, jti=f"x{number}")).status_code == 401


def test_a_fapi_2_client_names_the_issuer_wherever_others_may_name_an_endpoint(settings, app):
    with opened(replace(settings, client_assertion_endpoint_audience=True)) as lenient:
        fapi = {"require_pushed_authorization_requests": True, "dpop_bound_access_tokens": True}
        made = {"token_endpoint_auth_method": "private_key_jwt", "jwks": PUBLIC}
        green = RelyingParty(lenient, "green", **made, **fapi)

        assert present(green, assertion(aud=f"{ISSUER}/token", jti="1")).status_code == 401
        assert present(green, assertion(aud=[ISSUER], jti="3")).status_code == 401
        assert present(green, assertion(aud=ISSUER, jti="2")).status_code == 200


@pytest.mark.parametrize(
    ("profile", "status"),
    [
        pytest.param({}, 200, id="a client of no profile"),
        pytest.param(
            {"require_pushed_authorization_requests": True, "dpop_bound_access_tokens": True},
            401,
            id="FAPI 2.0 §5.4.1 leaves RS256 out",
        ),
    ],
)
def test_whether_an_assertion_may_be_signed_by_rs256(app, profile, status):
    key = RSAKey.generate_key(2048, {"kid": "green-1"}, private=True)
    jwks = {"keys": [key.as_dict(private=False)]}
    green = RelyingParty(app, "green", token_endpoint_auth_method="private_key_jwt", jwks=jwks, **profile)

    assert present(green, assertion(key, "RS256")).status_code == status
    assert present(green, assertion(key, "PS256", jti="another")).status_code == 200
