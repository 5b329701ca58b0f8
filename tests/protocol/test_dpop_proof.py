"""Rules for a DPoP proof, and every way to break them (rfc9449 §4.2, §4.3)."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from provider.infrastructure import clock
from provider.protocol.dpop_proof import MalformedProof, read
from tests.support.browsers import ISSUER
from tests.support.prover import Prover, hash_of

KEY = ECKey.generate_key("P-256", private=True)
OTHER_KEY = ECKey.generate_key("P-256", private=True)
RSA_KEY = RSAKey.generate_key(2048, private=True)
EDWARDS_KEY = OKPKey.generate_key("Ed25519", private=True)
OTHER_CURVE = ECKey.generate_key("P-384", private=True)
ADA = Prover(KEY)
URL = f"{ISSUER}/token"
# The implementation that signs here knows no key in a header.
ANYTHING = jws.JWSRegistry(algorithms=["ES256"], strict_check_header=False)


def look(text, **changes):
    return read(text, **({"method": "POST", "urls": [URL], "now": clock.now()} | changes))


# The other implementation wants the name `Ed25519` of rfc9864, which few clients know.
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.spec("rfc9449 1")
@pytest.mark.parametrize(
    ("alg", "key"),
    [
        ("ES256", KEY),
        ("PS256", RSA_KEY),
        ("Ed25519", EDWARDS_KEY),
        ("EdDSA", EDWARDS_KEY),
    ],
)
def test_a_proof_tells_whose_it_is(alg, key):
    prover = Prover(key, alg)

    proof = look(prover.proof(jti="once", nonce="ours"))

    assert (proof.jkt, proof.jti, proof.nonce) == (prover.jkt, "once", "ours")


@pytest.mark.parametrize("typ", ["DPoP+JWT", "application/dpop+jwt"])
def test_the_type_of_a_proof_has_no_case_and_may_be_written_out(typ):
    """rfc7515 §4.1.9."""
    assert look(Prover(KEY).proof(header={"typ": typ})).jkt


PUBLIC = KEY.as_dict(private=False)


@pytest.mark.spec("rfc9449 1")
@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"htm": "GET"}, id="for another method"),
        pytest.param({"htm": "post"}, id="methods have one spelling"),
        pytest.param({"htm": None}, id="for no method"),
        pytest.param({"htu": f"{ISSUER}/userinfo"}, id="for another address"),
        pytest.param({"htu": "https://evil.test/token"}, id="for another host"),
        pytest.param({"htu": "https://localhost:8900/token"}, id="for another scheme"),
        pytest.param({"htu": "http://ada@localhost:8900/token"}, id="with a user in the address"),
        pytest.param({"htu": f"{ISSUER}/token/"}, id="with one slash more"),
        pytest.param({"htu": "http://[::1"}, id="for no address at all"),
        pytest.param({"htu": "http://localhost:x/token"}, id="for no port at all"),
        pytest.param({"htu": 7}, id="for a number"),
        pytest.param({"htu": None}, id="for no address"),
        pytest.param({"jti": None}, id="without jti"),
        pytest.param({"jti": ""}, id="an empty jti"),
        pytest.param({"jti": "x" * 256}, id="a long jti"),
        pytest.param({"jti": 7}, id="a jti that is no text"),
        pytest.param({"iat": None}, id="from no time"),
        pytest.param({"iat": "now"}, id="from a time that is no number"),
        pytest.param({"iat": True}, id="from a time that is a truth"),
        pytest.param({"iat": 10**20}, id="from beyond all calendars"),
        pytest.param({"iat": 1}, id="from the beginning of time"),
        pytest.param({"header": {"typ": "JWT"}}, id="another kind of token"),
        pytest.param({"header": {"typ": None}}, id="no kind of token"),
        pytest.param({"header": {"jwk": None}}, id="without a key"),
        pytest.param({"header": {"jwk": []}}, id="a key that is no object"),
        pytest.param({"header": {"jwk": PUBLIC | {"x": 7}}}, id="a key with a number for a text"),
        pytest.param({"header": {"jwk": PUBLIC | {"x": "AAAA"}}}, id="a point off the curve"),
        pytest.param({"header": {"jwk": KEY.as_dict(private=True)}}, id="the private key itself"),
        pytest.param({"header": {"jwk": OTHER_KEY.as_dict(private=False)}}, id="another key than signed"),
        pytest.param({"header": {"jwk": OTHER_CURVE.as_dict(private=False)}}, id="a key for another alg"),
        pytest.param({"header": {"jwk": RSA_KEY.as_dict(private=False)}}, id="a key of another kind"),
        pytest.param({"header": {"b64": False, "crit": ["b64"]}}, id="an extension that must be understood"),
        pytest.param({"header": {"crit": ["exp"]}}, id="a critical claim in the header"),
    ],
)
def test_a_proof_that_is_not_quite_right_proves_nothing(changes):
    # The implementation that signs here refuses some of it by itself, so those are made by hand.
    try:
        text = ADA.proof(key=KEY, **changes)
    except Exception:  # noqa: BLE001 – whatever keeps it from being made is not what is tried here.
        text = by_hand({"typ": "dpop+jwt", "alg": "ES256", "jwk": PUBLIC} | changes["header"])

    with pytest.raises(MalformedProof):
        look(text)


def by_hand(header: dict, claims: dict | None = None) -> str:
    usual = {"jti": "x", "htm": "POST", "htu": URL, "iat": int(clock.now().timestamp())}
    parts = [json.dumps(part).encode() for part in (header, usual | (claims or {}))]
    head, body = (base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
    return f"{head}.{body}.{'A' * 86}"


@pytest.mark.parametrize(
    "alg", ["none", "HS256", "ES384", "ES256K", "Ed448", "RSA1_5", "", 7, None, ["ES256"]]
)
def test_an_algorithm_that_is_not_on_offer_proves_nothing(alg):
    with pytest.raises(MalformedProof):
        look(by_hand({"typ": "dpop+jwt", "alg": alg, "jwk": PUBLIC}))


def test_a_shared_secret_proves_nothing():
    """ABU-42: nor does one that is made of a public key."""
    secret = OctKey.import_key(b"a secret of thirty-two letters...")
    text = Prover(secret, "HS256").proof(header={"jwk": secret.as_dict(private=True)})

    with pytest.raises(MalformedProof):
        look(text)


@pytest.mark.parametrize(
    "jwk",
    [
        pytest.param(RSA_KEY.as_dict(private=False) | {"n": "A" * 171}, id="a key of 1024 bits"),
        pytest.param(RSA_KEY.as_dict(private=False) | {"n": "A" * 1400}, id="a key that takes long to check"),
        pytest.param(RSA_KEY.as_dict(private=False) | {"e": "A" * 342}, id="an exponent that takes long"),
        pytest.param(RSA_KEY.as_dict(private=False) | {"e": "AQ"}, id="an exponent of one"),
        pytest.param(RSA_KEY.as_dict(private=False) | {"n": "ü" * 342}, id="letters that no number has"),
    ],
)
def test_an_rsa_key_is_large_enough_and_not_too_large(jwk):
    with pytest.raises(MalformedProof):
        look(by_hand({"typ": "dpop+jwt", "alg": "RS256", "jwk": jwk}))


@pytest.mark.parametrize(
    ("seconds", "taken"),
    [(0, True), (-59, True), (59, True), (-61, False), (61, False), (3600, False)],
)
def test_a_proof_is_for_now(seconds, taken):
    now = datetime.now(UTC).replace(microsecond=0)
    text = ADA.proof(iat=int((now + timedelta(seconds=seconds)).timestamp()))

    if taken:
        assert look(text, now=now)
    else:
        with pytest.raises(MalformedProof):
            look(text, now=now)


@pytest.mark.spec("rfc9449 1")
@pytest.mark.parametrize(
    "htu",
    [
        pytest.param("https://op.test:443/a%2Fb", id="with the port that its scheme has anyway"),
        pytest.param("HTTPS://OP.test/a%2fb", id="in capitals"),
        pytest.param("https://op.test/%61%2Fb", id="with letters that need no escape"),
        pytest.param("https://op.test/a%2Fb?x=1#y", id="with query and fragment, which do not count"),
    ],
)
def test_an_address_may_be_spelled_in_several_ways(htu):
    assert look(ADA.proof(htu=htu), urls=["https://other.test/", "https://op.test/a%2Fb"])


@pytest.mark.spec("rfc9449 1")
@pytest.mark.parametrize("ath", [None, hash_of("cfa_other"), "", 7])
def test_a_proof_beside_an_access_token_is_for_that_one(ath):
    assert look(ADA.proof(access_token="cfa_x"), access_token="cfa_x")

    with pytest.raises(MalformedProof):
        look(ADA.proof(ath=ath), access_token="cfa_x")


@pytest.mark.parametrize("name", ["ath", "jti", "htu", "htm", "nonce"])
def test_half_a_character_in_a_proof_is_compared_like_any_other_text(name):
    """JSON can hold what no text in UTF-8 can."""
    header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": PUBLIC}
    usual = {
        "jti": "x",
        "htm": "POST",
        "htu": URL,
        "iat": int(clock.now().timestamp()),
        "ath": hash_of("cfa_x"),
    }
    text = jws.serialize_compact(header, json.dumps(usual | {name: "\ud800"}), KEY, registry=ANYTHING)

    if name in ("jti", "nonce"):
        assert look(text, access_token="cfa_x")
    else:
        with pytest.raises(MalformedProof):
            look(text, access_token="cfa_x")


@pytest.mark.parametrize(
    "text",
    [
        *("", "x", "..", "e30.e30.e30", "a.b", "a.b.c.d", "W10.W10.AAAA", "bnVsbA.bnVsbA.AAAA", "a" * 9000),
        pytest.param(f"{ADA.proof()},{ADA.proof()}", id="two headers"),
        pytest.param(by_hand({"typ": "dpop+jwt", "alg": "ES256", "jwk": PUBLIC}), id="not signed"),
        pytest.param(f"{'W1tb' * 1500}.e30.AAAA", id="a deeply nested one"),
    ],
)
def test_garbage_proves_nothing(text):
    with pytest.raises(MalformedProof):
        look(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=60)
@given(st.dictionaries(st.sampled_from(["typ", "alg", "jwk", "kid", "crit"]), JSON), JSON)
def test_whatever_a_header_holds_the_response_is_a_refusal(header, jwk):
    made = {"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk} | header

    with pytest.raises(MalformedProof):
        look(by_hand(made))
