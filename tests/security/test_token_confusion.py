"""No kind of token passes for another, wherever one is taken (SEC-905, THR-05).

The worst case is tried: all that we sign tells everything that any of them would, and the client signs
everything with one key. Only the header's type and the place where a thing is kept tell them apart.
"""

from itertools import count

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from provider.infrastructure import clock
from provider.keys.jwt import sign
from provider.protocol.grant_types import DEVICE_CODE
from tests.factories import make_account, make_session
from tests.support.browsers import ISSUER, query_of, show_session
from tests.support.prover import Prover, hash_of
from tests.support.relying_party import RelyingParty

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
EVENT = "http://schemas.openid.net/event/backchannel-logout"
KEY = ECKey.generate_key("P-256", {"kid": "red-1"}, private=True)
SCOPE = "openid account"
_numbers = count()


class Party(RelyingParty):
    """Red, whose one key signs its assertions, its request objects and its proofs."""

    prover = Prover(KEY)

    def signed(self, typ: str | None, **claims) -> str:
        header = {"alg": "ES256", "kid": "red-1"} | ({"typ": typ} if typ else {})
        return jwt.encode(header, claims, KEY, algorithms=["ES256"])

    def assertion(self, typ: str | None = None) -> str:
        return self.signed(typ, **self.everything())

    def request_object(self) -> str:
        # rfc9101 §10.8: with its own client_id as `sub` it could pass for an assertion.
        claims = {name: value for name, value in self.everything().items() if name != "sub"}
        return self.signed("oauth-authz-req+jwt", **claims)

    def everything(self) -> dict:
        """Return the claims of assertion, request object, proof, ID Token and access token, all in one."""
        now = int(clock.now().timestamp())
        asked = self.request(scope=SCOPE)
        return asked | {
            "iss": "red",
            "sub": "red",
            "aud": ISSUER,
            "iat": now,
            "nbf": now,
            "exp": now + 60,
            "jti": f"jti-{next(_numbers)}",
        }

    def post(self, path, *, proof: str | None = None, **data):
        form = {name: value for name, value in data.items() if value is not None}
        proven = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": self.assertion()}
        headers = {"DPoP": proof} if proof else {}
        return self.http.post(path, data=proven | form, headers=headers)


class Story:
    """Ada is signed in at red, which has one of each kind."""

    def __init__(self, app, browser, account) -> None:
        self.browser = browser
        self.rp = Party(
            app,
            "red",
            token_endpoint_auth_method="private_key_jwt",
            jwks={"keys": [KEY.as_dict(private=False)]},
            scope=SCOPE,
            access_token_format="opaque",
        )
        self.sub = account.sub
        self.tokens = self.rp.sign_in(browser, scope=SCOPE)
        self.sid = self.rp.introspect(self.tokens["access_token"])["sid"]

    def code(self) -> str:
        return self.rp.code(self.browser, scope=SCOPE)

    def ours(self, typ: str) -> str:
        """A JWT of ours, with a claim of every kind."""
        now = int(clock.now().timestamp())
        claims = {"iss": ISSUER, "aud": "red", "sub": self.sub, "sid": self.sid, "iat": now, "exp": now + 120}
        claims |= {"jti": f"ours-{now}", "client_id": "red", "scope": SCOPE, "auth_time": now, "amr": ["pwd"]}
        claims |= {"events": {EVENT: {}}, "htm": "POST", "htu": f"{ISSUER}/token", "at_hash": "x"}
        return sign(claims | {"token_introspection": {"active": True}}, typ=typ, alg="RS256")

    def proof(self, **claims) -> str:
        return self.rp.prover.proof(**self.rp.everything() | claims)


KINDS = {
    "access token": lambda story: story.tokens["access_token"],
    "refresh token": lambda story: story.tokens["refresh_token"],
    "code": lambda story: story.code(),
    "ID Token": lambda story: story.tokens["id_token"],
    "ID Token with every claim": lambda story: story.ours("JWT"),
    "Logout Token": lambda story: story.ours("logout+jwt"),
    "signed access token that we never gave": lambda story: story.ours("at+jwt"),
    "signed introspection response": lambda story: story.ours("token-introspection+jwt"),
    "receipt of a logout": lambda story: story.ours("vnd.curfew.logout-receipt+jwt"),
    "client assertion": lambda story: story.rp.assertion("client-authentication+jwt"),
    "request object": lambda story: story.rp.request_object(),
    "request object with a subject": lambda story: story.rp.assertion("oauth-authz-req+jwt"),
    "DPoP proof": lambda story: story.proof(),
}


def as_bearer(story, path, value) -> bool:
    headers = {"Authorization": f"Bearer {value}"}
    return story.rp.http.get(path, headers=headers).status_code == 200


def as_bound(story, value) -> bool:
    proof = story.proof(htm="GET", htu=f"{ISSUER}/userinfo", ath=hash_of(value))
    headers = {"Authorization": f"DPoP {value}", "DPoP": proof}
    return story.rp.http.get("/userinfo", headers=headers).status_code == 200


def as_request(story, value) -> bool:
    asked = {"client_id": "red", "response_type": "code", "scope": SCOPE, "request": value}
    return "code" in _query(story.browser.get("/authorize", query_string=asked))


def as_hint(story, value) -> bool:
    asked = story.rp.request(scope=SCOPE, prompt="none", id_token_hint=value)
    return "code" in _query(story.browser.get("/authorize", query_string=asked))


def as_logout_hint(story, value) -> bool:
    """Return whether the hint spares the person the question, when no cookie is sent."""
    response = story.browser.get("/session/end", query_string={"id_token_hint": value})
    return "/session/end/confirm" not in response.headers.get("Location", "/session/end/confirm")


def as_assertion(story, value) -> bool:
    form = {"client_assertion": value, "client_assertion_type": ASSERTION_TYPE, "token": "x"}
    return story.rp.http.post("/introspect", data=form).status_code == 200


def as_pushed_name(story, value) -> bool:
    urn = f"urn:ietf:params:oauth:request_uri:{value}"
    asked = {"client_id": "red", "request_uri": urn}
    return "code" in _query(story.browser.get("/authorize", query_string=asked))


def _query(response) -> dict[str, str]:
    return query_of(response) if "Location" in response.headers else {}


# Where a token is taken, and the kinds that are good there.
PLACES = {
    "bearer at userinfo": (lambda s, v: as_bearer(s, "/userinfo", v), {"access token"}),
    "bearer at the account API": (lambda s, v: as_bearer(s, "/account/sessions", v), {"access token"}),
    "DPoP at userinfo": (as_bound, set()),
    "token at introspection": (
        lambda s, v: s.rp.introspect(v)["active"],
        {"access token", "refresh token"},
    ),
    "code": (lambda s, v: s.rp.exchange(v).status_code == 200, {"code"}),
    "request": (as_request, {"request object"}),
    "request_uri": (as_pushed_name, set()),
    "id_token_hint": (as_hint, {"ID Token", "ID Token with every claim"}),
    "client_assertion": (as_assertion, {"client assertion"}),
    "DPoP": (
        lambda s, v: s.rp.exchange(s.code(), proof=v).status_code == 200,
        {"DPoP proof"},
    ),
    "device_code": (
        lambda s, v: s.rp.post("/token", grant_type=DEVICE_CODE, device_code=v).status_code == 200,
        set(),
    ),
    # These use up what they are given, so they come last.
    "refresh_token": (lambda s, v: s.rp.refresh(v).status_code == 200, {"refresh token"}),
    "id_token_hint at sign-out": (as_logout_hint, {"ID Token"}),
}


@pytest.fixture
def story(app, browser):
    account = make_account("ada")
    return Story(app, show_session(browser(), make_session(account)), account)


@pytest.mark.spec("backchannel OP 11, rfc9068 2")
@pytest.mark.parametrize("place", PLACES)
def test_only_the_right_kind_is_taken(story, place):
    take, good = PLACES[place]

    taken = {name for name, make in KINDS.items() if take(story, make(story))}

    assert taken == good


def test_no_refusal_did_any_harm(story):
    """Tokens that were tried in wrong places go on working in the right one."""
    for place in ("code", "refresh_token", "request", "client_assertion"):
        take, good = PLACES[place]
        for name in KINDS.keys() - good:
            take(story, KINDS[name](story))

    assert story.rp.userinfo(story.tokens["access_token"]).status_code == 200
    assert story.rp.refresh(story.tokens["refresh_token"]).status_code == 200


@pytest.mark.parametrize("value", KINDS)
def test_a_revocation_revokes_what_it_is_given_and_nothing_else(story, value):
    given = KINDS[value](story)

    assert story.rp.revoke(given).status_code == 200

    lives = story.rp.introspect(story.tokens["access_token"])["active"]
    assert lives == (value not in {"access token", "refresh token"})
