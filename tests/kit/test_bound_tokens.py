"""An API that takes tokens with a proof of their key (rfc9449): which proofs count, and nonces."""

import json
import secrets
import time
from hashlib import sha256

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from curfew_rp import MemoryStore, ProviderKeys
from curfew_rp.resource_server import (
    ProofOfPossession,
    ResourceServer,
    SignedTokens,
)
from tests.kit.test_resource_server import API, URL, access_token, base64url, call, refusal

NONCE_SECRET = b"a secret of thirty-two bytes or more"


@pytest.fixture
def store():
    return MemoryStore()


@pytest.fixture
def signed(provider, store):
    """An API that verifies signed tokens, and checks DPoP."""
    mode = SignedTokens(ProviderKeys(provider.issuer), audience=API, store=store)
    return ResourceServer(mode, dpop=ProofOfPossession(store))


def thumbprint(jwk):
    members = {name: jwk[name] for name in sorted({"crv", "kty", "x", "y", "n", "e"} & jwk.keys())}
    return base64url(sha256(json.dumps(members, separators=(",", ":")).encode()).digest())


class Phone:
    """A client with a DPoP key."""

    def __init__(self, key=None, alg="ES256"):
        self.alg = alg
        self.key = key or ec.generate_private_key(ec.SECP256R1())
        self.jwk = json.loads(jwt.get_algorithm_by_name(alg).to_jwk(self.key.public_key()))
        self.jwk = {name: value for name, value in self.jwk.items() if name != "key_ops"}
        self.jkt = thumbprint(self.jwk)

    def proof(self, token, *, header=None, key=None, **changes):
        claims = {
            "htm": "GET",
            "htu": URL,
            "iat": int(time.time()),
            "jti": secrets.token_hex(8),
            "ath": base64url(sha256(token.encode()).digest()),
            **changes,
        }
        claims = {name: value for name, value in claims.items() if value is not ...}
        headers = {"typ": "dpop+jwt", "jwk": self.jwk, **(header or {})}
        return jwt.encode(claims, key or self.key, algorithm=self.alg, headers=headers)


@pytest.fixture(scope="module")
def phone():
    return Phone()


@pytest.mark.spec("rfc9449 3")
@pytest.mark.parametrize(
    "called", [URL, f"{URL}?page=2", f"{URL}#top", "HTTPS://API.EXAMPLE:443/orders"], ids=str
)
def test_a_bound_token_is_let_in_with_its_proof(signed, provider, phone, called):
    token = access_token(provider, cnf={"jkt": phone.jkt})

    access = signed.check(call(token, scheme="DPoP", proofs=[phone.proof(token)], url=called))

    assert access.jkt == phone.jkt


def test_a_proof_may_be_by_rsa(signed, provider):
    phone = Phone(rsa.generate_private_key(public_exponent=65537, key_size=2048), "RS256")
    token = access_token(provider, cnf={"jkt": phone.jkt})

    assert signed.check(call(token, scheme="DPoP", proofs=[phone.proof(token)])).jkt == phone.jkt


def test_a_proof_by_a_key_that_others_could_factor_is_refused(signed, provider):
    weak = Phone(rsa.generate_private_key(public_exponent=65537, key_size=1024), "RS256")
    token = access_token(provider, cnf={"jkt": weak.jkt})
    with pytest.warns(jwt.warnings.InsecureKeyLengthWarning):
        proof = weak.proof(token)

    refused = refusal(signed, call(token, scheme="DPoP", proofs=[proof]))

    assert refused.description == "the signature is not by the proof's key"


WRONG_PROOFS = [
    pytest.param(lambda phone, token: [], id="none"),
    pytest.param(lambda phone, token: [phone.proof(token), phone.proof(token)], id="two"),
    pytest.param(lambda phone, token: ["a.b.c"], id="not a JWT"),
    pytest.param(lambda phone, token: ["x" * 5000], id="too large"),
    pytest.param(lambda phone, token: [Phone().proof(token)], id="by another key"),
    pytest.param(lambda phone, token: [phone.proof(token, key=Phone().key)], id="signed by another key"),
    pytest.param(lambda phone, token: [phone.proof(token, header={"typ": "JWT"})], id="typ"),
    pytest.param(lambda phone, token: [phone.proof(token, header={"crit": ["b"], "b": 1})], id="crit"),
    pytest.param(lambda phone, token: [phone.proof(token, header={"jwk": "key"})], id="jwk is a text"),
    pytest.param(
        lambda phone, token: [phone.proof(token, header={"jwk": {"kty": "oct", "k": "eA"}})], id="secret"
    ),
    pytest.param(
        lambda phone, token: [phone.proof(token, header={"jwk": {**phone.jwk, "d": "eA"}})], id="private key"
    ),
    pytest.param(
        lambda phone, token: [
            phone.proof(token, header={"jwk": {"kty": "RSA", "n": "x" * 3000, "e": "AQAB"}})
        ],
        id="an RSA key of 18,000 bits",
    ),
    pytest.param(
        lambda phone, token: [phone.proof(token, header={"jwk": {"kty": "RSA", "n": "x", "e": "x" * 100}})],
        id="an RSA key with a long exponent",
    ),
    pytest.param(lambda phone, token: [phone.proof(token, htm="POST")], id="htm"),
    pytest.param(lambda phone, token: [phone.proof(token, htu=f"{API}/other")], id="htu"),
    pytest.param(lambda phone, token: [phone.proof(token, htu="https://[")], id="htu is no URL"),
    pytest.param(lambda phone, token: [phone.proof(token, htu=7)], id="htu is a number"),
    pytest.param(lambda phone, token: [phone.proof(token, iat=int(time.time()) - 120)], id="old"),
    pytest.param(lambda phone, token: [phone.proof(token, iat=int(time.time()) + 120)], id="future"),
    pytest.param(lambda phone, token: [phone.proof(token, iat=...)], id="no iat"),
    pytest.param(lambda phone, token: [phone.proof("another token")], id="ath"),
    pytest.param(lambda phone, token: [phone.proof(token, ath=...)], id="no ath"),
    pytest.param(lambda phone, token: [phone.proof(token, jti=...)], id="no jti"),
]


@pytest.mark.spec("rfc9449 1")
@pytest.mark.parametrize("make", WRONG_PROOFS)
def test_a_proof_that_is_not_for_this_call_is_refused(signed, provider, phone, make):
    token = access_token(provider, cnf={"jkt": phone.jkt})

    refused = refusal(signed, call(token, scheme="DPoP", proofs=make(phone, token)))

    assert refused.status == 401
    assert refused.challenges[0] == "Bearer"
    assert refused.challenges[1].startswith('DPoP error="invalid_dpop_proof"')


def test_a_proof_counts_once(signed, provider, phone):
    token = access_token(provider, cnf={"jkt": phone.jkt})
    made = call(token, scheme="DPoP", proofs=[phone.proof(token)])
    signed.check(made)

    assert refusal(signed, made).description == "this proof was used before"


def test_a_proof_does_not_stand_for_a_certificate(signed, provider, phone):
    token = access_token(provider, cnf={"jkt": phone.jkt, "x5t#S256": "x"})

    refused = refusal(signed, call(token, scheme="DPoP", proofs=[phone.proof(token)]))

    assert refused.description == "the token is bound in a way that this API does not check"


def test_an_unbound_token_is_not_accepted_as_a_bound_one(signed, provider, phone):
    token = access_token(provider)

    refused = refusal(signed, call(token, scheme="DPoP", proofs=[phone.proof(token)]))

    assert 'error="invalid_token"' in refused.challenges[1]


def test_an_api_may_accept_bound_tokens_alone(provider, store, phone):
    mode = SignedTokens(ProviderKeys(provider.issuer), audience=API, store=store)
    strict = ResourceServer(mode, dpop=ProofOfPossession(store), requires_dpop=True)

    refused = refusal(strict, call(access_token(provider)))

    assert refused.challenges == ['DPoP algs="RS256 ES256 EdDSA PS256"']
    token = access_token(provider, cnf={"jkt": phone.jkt})
    assert strict.check(call(token, scheme="DPoP", proofs=[phone.proof(token)])).sub == "ada"


@pytest.mark.spec("rfc9449 3")
def test_a_nonce_is_asked_for_and_given_on(provider, store, phone):
    mode = SignedTokens(ProviderKeys(provider.issuer), audience=API, store=store)
    here, there = (
        ResourceServer(mode, dpop=ProofOfPossession(store, nonce_secret=NONCE_SECRET)) for _ in range(2)
    )
    token = access_token(provider, cnf={"jkt": phone.jkt})

    refused = refusal(here, call(token, scheme="DPoP", proofs=[phone.proof(token)]))
    nonce = refused.headers["DPoP-Nonce"]
    access = there.check(call(token, scheme="DPoP", proofs=[phone.proof(token, nonce=nonce)]))

    assert 'error="use_dpop_nonce"' in refused.challenges[1]
    assert there.headers(access)["DPoP-Nonce"]
    invented = call(token, scheme="DPoP", proofs=[phone.proof(token, nonce="invented")])
    assert 'error="use_dpop_nonce"' in refusal(here, invented).challenges[1]


def test_an_old_nonce_is_not_accepted(provider, store, phone):
    mode = SignedTokens(ProviderKeys(provider.issuer), audience=API, store=store)
    proofs = ProofOfPossession(store, nonce_secret=NONCE_SECRET)
    token = access_token(provider, cnf={"jkt": phone.jkt})
    old = proofs._nonce(proofs._period() - 2)

    made = call(token, scheme="DPoP", proofs=[phone.proof(token, nonce=old)])

    assert 'error="use_dpop_nonce"' in refusal(ResourceServer(mode, dpop=proofs), made).challenges[1]
