"""How clients prove themselves, and how they fail to (rfc6749 §2.3, rfc7523, THR-27, THR-42)."""

import base64
import json
from dataclasses import replace
from datetime import timedelta
from functools import partial
from urllib.parse import quote_plus

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey
from joserfc.jws import JWSRegistry

from provider.infrastructure import clock
from tests.factories import secret_of
from tests.races.at_once import at_once
from tests.support.applications import opened
from tests.support.browsers import ISSUER
from tests.support.key_server import published
from tests.support.relying_party import RelyingParty

GREENS_KEY = ECKey.generate_key("P-256", {"kid": "green-1", "alg": "ES256", "use": "sig"}, private=True)
OTHER_KEY = ECKey.generate_key("P-256", {"kid": "green-1", "alg": "ES256"}, private=True)
PUBLIC = {"keys": [GREENS_KEY.as_dict(private=False)]}
ONE_DATABASE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def basic(client_id: str, secret: str) -> dict[str, str]:
    pair = f"{client_id}:{secret}".encode()
    return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}


def ask(rp: RelyingParty, headers=None, **form):
    return rp.http.post("/introspect", headers=headers, data={"token": "cfa_x"} | form)


@pytest.mark.spec("core 20")
def test_each_client_has_the_one_method_that_it_registered(app):
    red = RelyingParty(app, "red")
    blue = RelyingParty(app, "blue", token_endpoint_auth_method="client_secret_post")
    post = {"client_id": "blue", "client_secret": secret_of("blue")}

    assert ask(red, basic("red", secret_of("red"))).status_code == 200
    assert ask(blue, **post).status_code == 200
    assert ask(blue, basic("blue", secret_of("blue"))).status_code == 401
    assert ask(red, client_id="red", client_secret=secret_of("red")).status_code == 401


def test_without_a_chosen_method_a_secret_may_come_either_way_but_not_both(app):
    red = RelyingParty(app, "red", settings={"any_secret_method": True})
    post = {"client_id": "red", "client_secret": secret_of("red")}

    assert ask(red, basic("red", secret_of("red"))).status_code == 200
    assert ask(red, **post).status_code == 200
    assert ask(red, **post | {"client_secret": "wrong"}).status_code == 401
    assert ask(red, client_id="red").status_code == 401
    both = ask(red, basic("red", secret_of("red")), **post)
    assert (both.status_code, both.json["error"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param(basic("red", "wrong"), id="a wrong secret"),
        pytest.param(basic("red", ""), id="no secret"),
        pytest.param(basic("nobody", "wrong"), id="an unknown client"),
        pytest.param(basic("green", secret_of("red")), id="another client's name"),
        pytest.param({"Authorization": "Basic ***"}, id="no base64"),
        pytest.param({"Authorization": "Basic /w=="}, id="no text"),
        pytest.param({"Authorization": "Basic"}, id="nothing at all"),
        pytest.param({"Authorization": "Bearer cfa_x"}, id="another scheme"),
        pytest.param({}, id="no proof"),
    ],
)
def test_every_failure_looks_the_same(app, headers):
    red = RelyingParty(app, "red")

    response = ask(red, headers)

    assert (response.status_code, response.json["error"]) == (401, "invalid_client")
    assert response.json["error_description"] == "client authentication failed"
    assert response.headers["WWW-Authenticate"].startswith("Basic ")


@pytest.mark.spec("rfc6749 §2.3")
def test_one_proof_is_enough_and_two_are_too_many(app):
    red = RelyingParty(app, "red")

    twice = ask(red, basic("red", secret_of("red")), client_secret=secret_of("red"))
    for_two = ask(red, basic("red", secret_of("red")), client_id="green")

    assert (twice.status_code, twice.json["error"]) == (400, "invalid_request")
    assert (for_two.status_code, for_two.json["error"]) == (400, "invalid_request")


@pytest.mark.spec("rfc6749 §2.3.1")
def test_identifier_and_secret_may_be_encoded_as_in_a_form(app):
    red = RelyingParty(app, "red+green", port=4711)
    secret = secret_of("red+green")

    assert ask(red, basic(quote_plus("red+green"), quote_plus(secret))).status_code == 200
    assert ask(red, basic(quote_plus("red+green"), secret)).status_code == 200


def test_a_public_client_cannot_pretend_to_prove_itself(app):
    blue = RelyingParty(app, "blue", public=True)
    form = {"token": "cfr_x", "client_id": "blue"}

    assert blue.http.post("/revoke", data=form).status_code == 200
    assert blue.http.post("/revoke", data=form | {"client_secret": "x"}).status_code == 401
    assert blue.http.post("/revoke", data=form, headers=basic("blue", "x")).status_code == 401


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
        pytest.param({"iss": "red"}, id="issued by somebody else"),
        pytest.param({"iss": None}, id="issued by nobody"),
        pytest.param({"sub": "red"}, id="about somebody else"),
        pytest.param({"sub": ["green"]}, id="a list of subjects"),
        pytest.param({"sub": None}, id="about nobody"),
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
def test_an_extension_that_nobody_here_knows_proves_nothing(green, header):
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


@pytest.fixture
def keys_of_green():
    with published(PUBLIC) as what:
        yield what


@pytest.fixture
def publisher(app, keys_of_green) -> RelyingParty:
    made = {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": keys_of_green.uri}
    return RelyingParty(app, "green", **made)


def test_a_client_may_publish_its_keys(publisher, keys_of_green):
    """DEC-17: they are looked up and kept for a while; of kids that nobody knows one makes us look again."""
    assert present(publisher, assertion(jti="1")).status_code == 200
    assert present(publisher, assertion(jti="2")).status_code == 200
    for number in range(5):
        assert present(publisher, assertion(jti=f"x{number}", header={"kid": "new"})).status_code == 401

    assert len(keys_of_green.asked) == 2


@pytest.mark.spec("core 14, core 21")
def test_a_new_key_is_found_at_once_and_the_next_one_after_a_moment(publisher, keys_of_green, turned_clock):
    def publish(kid: str) -> None:
        keys_of_green.publish({"keys": [OTHER_KEY.as_dict(private=False) | {"kid": kid}]})

    assert present(publisher, assertion(jti="1")).status_code == 200
    publish("new")
    assert present(publisher, assertion(OTHER_KEY, header={"kid": "new"}, jti="2")).status_code == 200
    assert present(publisher, assertion(jti="3")).status_code == 401
    publish("newer")
    assert present(publisher, assertion(OTHER_KEY, header={"kid": "newer"}, jti="4")).status_code == 401
    turned_clock.turn(timedelta(seconds=31))
    assert present(publisher, assertion(OTHER_KEY, header={"kid": "newer"}, jti="5")).status_code == 200


@pytest.mark.filterwarnings("ignore:Key size")
@pytest.mark.spec("rfc7517 §5, URL-58")
def test_of_what_is_published_what_is_good_counts(publisher, keys_of_green):
    weak = RSAKey.generate_key(1024, {"kid": "weak"}, private=True)
    secret = OctKey.generate_key(256, {"kid": "secret"})
    leaked = ECKey.generate_key("P-256", {"kid": "leaked"}, private=True)
    good = PUBLIC["keys"][0]
    odd = [{"kty": "XYZ", "kid": "xyz"}, {"kty": "EC"}, good | {"kid": 7}, "no key"]
    keys_of_green.publish(
        {"keys": [*odd, weak.as_dict(private=False), secret.as_dict(), leaked.as_dict(private=True), good]}
    )

    assert present(publisher, assertion()).status_code == 200
    for key, alg in ((weak, "RS256"), (secret, "HS256"), (leaked, "ES256")):
        forged = assertion(key, alg, header={"kid": key.kid}, jti=f"of {key.kid}")
        assert present(publisher, forged).status_code == 401


def test_a_set_of_more_keys_than_anybody_needs_is_none(publisher, keys_of_green):
    keys_of_green.publish({"keys": [PUBLIC["keys"][0] | {"kid": f"green-{n}"} for n in range(1, 30)]})

    assert present(publisher, assertion()).status_code == 401


def test_many_at_once_are_one_look(publisher, keys_of_green):
    answers = at_once(*[partial(present, publisher, assertion(jti=f"at once {n}")) for n in range(4)])

    assert [answer.status_code for answer in answers] == [200] * 4
    assert len(keys_of_green.asked) == 1


def test_keys_are_looked_up_again_after_a_while(publisher, keys_of_green, turned_clock):
    """DEC-17: nobody is let in by keys that can no longer be read."""
    assert present(publisher, assertion(jti="1")).status_code == 200
    turned_clock.turn(timedelta(minutes=5, seconds=1))
    assert present(publisher, assertion(jti="2")).status_code == 200
    assert len(keys_of_green.asked) == 2

    keys_of_green.body = b""
    turned_clock.turn(timedelta(minutes=5, seconds=1))
    assert present(publisher, assertion(jti="3")).status_code == 401


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


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"keys": 7}', b'{"keys": [{}]}', b"x" * 70_000])
def test_keys_that_cannot_be_read_let_nobody_in(publisher, keys_of_green, body):
    keys_of_green.body = body

    assert present(publisher, assertion()).status_code == 401


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
