"""Which calls an API lets in, and what the others are told."""

import base64
import json
import secrets
import time
from datetime import timedelta
from hashlib import sha256

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from curfew_rp import MemoryStore, ProviderKeys, ProviderUnreachable, SessionIndex
from curfew_rp.resource_server import (
    Call,
    Introspection,
    ProofOfPossession,
    Refused,
    Requirements,
    ResourceServer,
    SignedTokens,
)
from curfew_rp.resource_server import introspection as introspection_module
from tests.kit.other_provider import CLIENT_ID, OtherProvider

API = "https://api.example"
URL = f"{API}/orders"
NONCE_SECRET = b"a secret of thirty-two bytes or more"


@pytest.fixture
def store():
    return MemoryStore()


@pytest.fixture
def signed(provider, store):
    """An API that verifies signed tokens, and checks DPoP."""
    mode = SignedTokens(ProviderKeys(provider.issuer), audience=API, store=store)
    return ResourceServer(mode, dpop=ProofOfPossession(store))


def access_token(
    provider: OtherProvider, *, alg="RS256", typ="at+jwt", key=None, iat_in=0, exp_in=300, **changes
):
    now = int(time.time())
    claims = {
        "iss": provider.issuer,
        "sub": "ada",
        "aud": API,
        "client_id": CLIENT_ID,
        "iat": now + iat_in,
        "exp": now + exp_in,
        "jti": secrets.token_hex(8),
        "scope": "orders profile",
        "auth_time": now - 60,
        "acr": "pwd",
        "sid": "sid-1",
        **changes,
    }
    claims = {name: value for name, value in claims.items() if value is not ...}
    return provider.sign(claims, alg=alg, typ=typ, key=key)


def base64url(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def headed(header):
    return f"{base64url(json.dumps(header).encode())}.e30.e30"


def call(token=None, *, scheme="Bearer", proofs=(), method="GET", url=URL):
    authorization = [] if token is None else [f"{scheme} {token}"]
    return Call(method=method, url=url, authorization=authorization, dpop=proofs)


def refusal(guard, made, required=None):
    with pytest.raises(Refused) as refused:
        guard.check(made, required or Requirements())
    return refused.value


@pytest.mark.parametrize("alg", ["RS256", "ES256", "EdDSA", "PS256"])
def test_a_signed_token_is_let_in(signed, provider, alg):
    access = signed.check(call(access_token(provider, alg=alg)), Requirements.of(scopes={"orders"}))

    assert (access.sub, access.client_id, access.sid, access.acr) == ("ada", CLIENT_ID, "sid-1", "pwd")
    assert access.scopes == {"orders", "profile"}
    assert access.freshness.mode == "signed"
    assert 290 < access.freshness.stale_for_at_most <= 300
    assert signed.headers(access)["Token-Freshness"].startswith("signed; age=")


@pytest.mark.spec("rfc9068 2")
@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"typ": "JWT"}, id="an ID Token"),
        pytest.param({"typ": "logout+jwt"}, id="a Logout Token"),
        pytest.param({"typ": "vnd.curfew.logout-receipt+jwt"}, id="a receipt of a logout"),
        pytest.param({"typ": None}, id="no typ"),
        pytest.param({"key": "RS256 foreign"}, id="a foreign key"),
        pytest.param({"iss": "https://another.example"}, id="another issuer"),
        pytest.param({"aud": "https://another.example"}, id="another API"),
        pytest.param({"aud": ...}, id="no audience"),
        pytest.param({"exp": 1}, id="expired"),
        pytest.param({"exp": ...}, id="no exp"),
        pytest.param({"exp_in": 7200}, id="two hours of life"),
        pytest.param({"iat_in": 200}, id="from the future"),
        pytest.param({"iat": True}, id="iat is true"),
        pytest.param({"sub": ...}, id="no sub"),
        pytest.param({"client_id": ...}, id="no client_id"),
        pytest.param({"sid": 7}, id="sid is a number"),
        pytest.param({"cnf": {"x5t#S256": "x"}}, id="bound to a certificate"),
        pytest.param({"cnf": {}}, id="bound to nothing that is named"),
        pytest.param({"cnf": ["jkt"]}, id="cnf is a list"),
        pytest.param({"cnf": {"jkt": "x"}}, id="bound to a key, sent as a bearer token"),
    ],
)
def test_a_token_that_is_not_for_this_api_is_refused(signed, provider, changes):
    refused = refusal(signed, call(access_token(provider, **changes)))

    assert refused.status == 401
    assert 'error="invalid_token"' in refused.challenges[0]
    assert refused.challenges[0].startswith("Bearer ")
    assert refused.challenges[1] == 'DPoP algs="RS256 ES256 EdDSA PS256"'


def test_a_token_is_refused_as_soon_as_its_app_has_heard_of_the_logout(signed, provider, store):
    index = SessionIndex(store, issuer=provider.issuer, client_id=CLIENT_ID)
    token, other = access_token(provider), access_token(provider, sid="sid-2")
    assert signed.check(call(token)).freshness.last_heard_at is None

    index.end(sub="ada", sid="sid-1", at=time.time())

    assert refusal(signed, call(token)).description == "the session of the token has ended"
    assert time.time() - signed.check(call(other)).freshness.last_heard_at < 60
    index.end(sub="ada", sid=None, at=time.time())
    assert refusal(signed, call(other)).status == 401


def test_a_token_that_outlives_its_session_is_let_in(signed, provider, store):
    """A client with offline_access has refreshed after the logout; the sid is still that of the session."""
    index = SessionIndex(store, issuer=provider.issuer, client_id=CLIENT_ID)
    index.end(sub="ada", sid="sid-1", at=time.time() - 30)

    assert refusal(signed, call(access_token(provider, iat_in=-40))).status == 401
    assert signed.check(call(access_token(provider, iat_in=-20))).sub == "ada"


def test_another_apps_logout_does_not_end_the_token(signed, provider, store):
    SessionIndex(store, issuer=provider.issuer, client_id="blog").end(sub="ada", sid="sid-1", at=time.time())

    assert signed.check(call(access_token(provider))).sub == "ada"


@pytest.mark.parametrize(
    ("authorization", "status", "challenge"),
    [
        pytest.param([], 401, 'Bearer|DPoP algs="RS256 ES256 EdDSA PS256"', id="none"),
        pytest.param(["Basic YTpi"], 400, 'Bearer error="invalid_request"', id="another scheme"),
        pytest.param(["Bearer"], 400, 'Bearer error="invalid_request"', id="no token"),
        pytest.param(["Bearer a b"], 400, 'Bearer error="invalid_request"', id="two tokens"),
        pytest.param(["Bearer a", "Bearer b"], 400, 'Bearer error="invalid_request"', id="two headers"),
    ],
)
def test_a_call_without_one_token(signed, authorization, status, challenge):
    refused = refusal(signed, Call(method="GET", url=URL, authorization=authorization))

    assert (refused.status, "|".join(refused.challenges)) == (status, challenge)


@pytest.mark.parametrize(
    "token",
    [
        *["x" * 9000, "ä", "a.b.c", "e30.e30.e30", "." * 100],
        headed({"typ": "at+jwt", "alg": []}),
        headed({"typ": "at+jwt", "alg": {}}),
        headed({"typ": [], "alg": "RS256"}),
    ],
)
def test_odd_tokens_are_refused(signed, token):
    assert refusal(signed, call(token)).status == 401


def test_a_scope_that_lacks_is_named(signed, provider):
    refused = refusal(signed, call(access_token(provider)), Requirements.of({"orders", "admin"}))

    assert refused.status == 403
    assert refused.challenges == ['Bearer error="insufficient_scope", scope="admin orders"']


@pytest.mark.spec("rfc9470 2")
@pytest.mark.parametrize(
    ("required", "asked"),
    [
        pytest.param({"acr_values": ["mfa", "phr"]}, 'acr_values="mfa phr"', id="a stronger sign-in"),
        pytest.param({"max_age": timedelta(seconds=30)}, 'max_age="30"', id="a more recent one"),
        pytest.param(
            {"acr_values": ["mfa"], "max_age": timedelta(0)}, 'acr_values="mfa", max_age="0"', id="both"
        ),
    ],
)
def test_a_dangerous_call_asks_for_a_step_up(signed, provider, required, asked):
    refused = refusal(signed, call(access_token(provider)), Requirements.of(**required))

    assert refused.status == 401
    told = "a different or more recent sign-in is needed"
    challenge = f'Bearer error="insufficient_user_authentication", error_description="{told}", {asked}'
    assert refused.challenges == [challenge]


def test_a_sign_in_that_is_strong_and_recent_enough_is_let_in(signed, provider):
    required = Requirements.of(acr_values=["pwd", "mfa"], max_age=timedelta(seconds=90))

    assert signed.check(call(access_token(provider)), required).acr == "pwd"
    assert refusal(signed, call(access_token(provider, auth_time=...)), required).status == 401


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


def test_mistakes_of_the_api_itself(store, provider):
    mode = SignedTokens(ProviderKeys(provider.issuer), audience=API, store=store)

    with pytest.raises(ValueError, match="at least 32 bytes"):
        ProofOfPossession(store, nonce_secret=b"short")
    with pytest.raises(ValueError, match="requires_dpop needs dpop"):
        ResourceServer(mode, requires_dpop=True)


@pytest.fixture
def ask(provider):
    """Makes an API that asks the provider."""
    modes = []

    def ask(**options):
        provider.bend["/.well-known/openid-configuration"] = {
            "issuer": provider.issuer,
            "introspection_endpoint": f"{provider.issuer}/introspect",
        }
        mode = Introspection(
            ProviderKeys(provider.issuer), client_id="api", client_secret="a:b+%", audience=API, **options
        )
        modes.append(mode)
        return ResourceServer(mode)

    yield ask
    for mode in modes:
        mode.close()


def test_introspection_asks_on_each_call(ask, provider):
    guard = ask()
    provider.tokens["opaque"] = {
        "active": True,
        "token_type": "Bearer",
        "sub": "ada",
        "client_id": CLIENT_ID,
        "scope": "orders",
    }

    access = guard.check(call("opaque"))

    assert (access.sub, access.scopes, access.freshness.stale_for_at_most) == ("ada", {"orders"}, 0.0)
    assert guard.mode.description == "introspection on each call"
    provider.tokens.clear()
    assert refusal(guard, call("opaque")).description == "the token is not active"


def test_a_cache_is_displayed_and_ends(ask, provider, monkeypatch):
    guard = ask(kept_for=timedelta(seconds=5))
    provider.tokens["opaque"] = {"active": True, "token_type": "Bearer", "sub": "ada"}
    guard.check(call("opaque"))
    provider.tokens.clear()

    kept = guard.check(call("opaque"))

    assert 0 < kept.freshness.stale_for_at_most <= 5
    assert guard.mode.description == "introspection, each answer kept for 5 s"
    later = time.monotonic() + 6
    monkeypatch.setattr(introspection_module.time, "monotonic", lambda: later)
    assert refusal(guard, call("opaque")).status == 401


def test_a_cache_is_bounded(ask, provider, monkeypatch):
    monkeypatch.setattr(introspection_module, "ANSWERS_KEPT", 2)
    guard = ask(kept_for=timedelta(seconds=60))
    for name in ("first", "second", "third"):
        provider.tokens[name] = {"active": True, "token_type": "Bearer"}
        guard.check(call(name))
    provider.tokens.clear()

    assert refusal(guard, call("first")).status == 401
    assert guard.check(call("third"))


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param({"active": "true"}, id="active is a text"),
        pytest.param({"active": True}, id="a refresh token, which has no type"),
        pytest.param({"active": True, "token_type": "N_A"}, id="a type that is not for APIs"),
        pytest.param({"active": True, "token_type": ["Bearer"]}, id="the type is a list"),
        pytest.param(
            {"active": True, "token_type": "Bearer", "iss": "https://another.example"}, id="another issuer"
        ),
        pytest.param(
            {"active": True, "token_type": "Bearer", "aud": ["https://another.example"]}, id="another API"
        ),
        pytest.param({"active": True, "token_type": "Bearer", "aud": 7}, id="aud is a number"),
        pytest.param({"active": True, "token_type": "Bearer", "aud": {API: True}}, id="aud is an object"),
        pytest.param({"active": True, "token_type": "Bearer", "exp": 1}, id="expired"),
        pytest.param({"active": True, "token_type": "Bearer", "exp": "soon"}, id="exp is a text"),
        pytest.param({"active": True, "token_type": "Bearer", "cnf": {"jkt": "x"}}, id="bound to a key"),
    ],
)
def test_an_answer_that_is_not_for_this_api_is_refused(ask, provider, answer):
    provider.tokens["opaque"] = answer

    assert refusal(ask(), call("opaque")).status == 401


def test_the_instant_of_a_sign_in_may_be_nonsense(ask, provider):
    provider.tokens["opaque"] = {"active": True, "token_type": "Bearer", "sub": "ada", "auth_time": 10**400}
    guard = ask()

    assert guard.check(call("opaque")).auth_time is None
    assert refusal(guard, call("opaque"), Requirements.of(max_age=timedelta(minutes=5))).status == 401


@pytest.mark.spec("rfc6749 §2.3.1")
def test_the_api_names_itself_with_any_secret(ask, provider):
    provider.tokens["opaque"] = {"active": True, "token_type": "Bearer"}

    ask().check(call("opaque"))

    kind, _, text = provider.authorization.partition(" ")
    assert (kind, base64.b64decode(text)) == ("Basic", b"api:a%3Ab%2B%25")


@pytest.mark.parametrize("answer", [b"[]", b"{", b'{"active": false, "active": true}', 401, 503])
def test_an_answer_that_is_none_lets_nobody_in_and_refuses_nobody(ask, provider, answer):
    provider.tokens["opaque"] = answer

    with pytest.raises(ProviderUnreachable):
        ask().check(call("opaque"))
