"""The ID Token of a native sign-in: only the provider's, for this client, of this sign-in."""

import time
from collections.abc import Iterator

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from curfew_rp import ProviderKeys
from relying_party_demo.native.id_token import InvalidIDToken, validate
from tests.support.scripted_server import Asked, Reply, scripted

EC, RSA = ECKey.generate_key("P-256"), RSAKey.generate_key(2048)
ANOTHER = ECKey.generate_key("P-256")


@pytest.fixture(scope="module")
def provider() -> Iterator[ProviderKeys]:
    """A provider's two documents, at an address of its own."""

    def script(asked: Asked) -> Reply:
        if asked.path == "/jwks":
            keys = [key.as_dict(private=False, kid=kid) for kid, key in (("ec", EC), ("rsa", RSA))]
            return Reply(200, {"keys": keys})
        return Reply(200, {"issuer": server.url, "jwks_uri": f"{server.url}/jwks"})

    with scripted(script) as server:
        yield ProviderKeys(server.url)


def id_token(provider: ProviderKeys, *, key=EC, alg: str = "ES256", kid: str = "ec", **changes) -> str:
    now = int(time.time())
    claims = {
        "iss": provider.issuer,
        "aud": "phone",
        "sub": "ada",
        "nonce": "the nonce",
        "iat": now,
        "exp": now + 300,
    } | changes
    kept = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode({"alg": alg, "kid": kid}, kept, key, algorithms=[alg])


def check(provider: ProviderKeys, token: object, nonce: str | None = "the nonce"):
    return validate(token, provider, client_id="phone", nonce=nonce)


@pytest.mark.parametrize(
    ("key", "alg", "kid"),
    [(EC, "ES256", "ec"), (RSA, "RS256", "rsa"), (RSA, "PS256", "rsa")],
    ids=["ES256", "RS256", "PS256"],
)
def test_one_that_the_provider_signed_for_this_sign_in_is_believed(provider, key, alg, kid):
    assert check(provider, id_token(provider, key=key, alg=alg, kid=kid))["sub"] == "ada"


def test_after_a_refresh_no_nonce_is_compared(provider):
    assert check(provider, id_token(provider, nonce=None), nonce=None)["sub"] == "ada"


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"iss": "https://other.test"}, id="another issuer"),
        pytest.param({"aud": "tablet"}, id="another audience"),
        pytest.param({"aud": ["phone", "tablet"]}, id="an audience beside this one"),
        pytest.param({"azp": "tablet"}, id="another authorized party"),
        pytest.param({"nonce": "another"}, id="another sign-in"),
        pytest.param({"nonce": None}, id="no nonce"),
        pytest.param({"sub": None}, id="no person"),
        pytest.param({"sub": ""}, id="an empty sub"),
        pytest.param({"exp": 1}, id="expired"),
        pytest.param({"exp": None}, id="endless"),
        pytest.param({"exp": "tomorrow"}, id="an end that is no date"),
        pytest.param({"iat": 4_000_000_000}, id="from the future"),
        pytest.param({"key": ANOTHER}, id="another key"),
        pytest.param({"key": EC, "kid": "rsa"}, id="a kid of another key"),
        pytest.param({"key": OctKey.import_key(b"x" * 32), "alg": "HS256"}, id="a shared secret"),
    ],
)
def test_any_other_one_is_refused(provider, changes):
    with pytest.raises(InvalidIDToken):
        check(provider, id_token(provider, **changes))


@pytest.mark.parametrize(
    "token", [None, 7, "", "a.b.c", "x" * 20_000, "e30.e30.", "eyJhbGciOiJub25lIn0.e30."]
)
def test_what_is_no_id_token_is_refused(provider, token):
    with pytest.raises(InvalidIDToken):
        check(provider, token)
