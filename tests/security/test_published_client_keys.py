"""The keys that a client publishes to prove itself with: found, kept, looked up again (DEC-17)."""

from datetime import timedelta
from functools import partial

import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey

from tests.races.at_once import at_once
from tests.security.test_assertions import OTHER_KEY, PUBLIC, assertion, present
from tests.support.key_server import published
from tests.support.relying_party import RelyingParty


@pytest.fixture
def keys_of_green():
    with published(PUBLIC) as what:
        yield what


@pytest.fixture
def publisher(app, keys_of_green) -> RelyingParty:
    made = {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": keys_of_green.uri}
    return RelyingParty(app, "green", **made)


def test_a_client_may_publish_its_keys(publisher, keys_of_green):
    """DEC-17: they are looked up and kept for a while; of unknown kids one makes us look again."""
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
    responses = at_once(*[partial(present, publisher, assertion(jti=f"at once {n}")) for n in range(4)])

    assert [response.status_code for response in responses] == [200] * 4
    assert len(keys_of_green.asked) == 1


def test_keys_are_looked_up_again_after_a_while(publisher, keys_of_green, turned_clock):
    """DEC-17: no client is let in by keys that can no longer be read."""
    assert present(publisher, assertion(jti="1")).status_code == 200
    turned_clock.turn(timedelta(minutes=5, seconds=1))
    assert present(publisher, assertion(jti="2")).status_code == 200
    assert len(keys_of_green.asked) == 2

    keys_of_green.body = b""
    turned_clock.turn(timedelta(minutes=5, seconds=1))
    assert present(publisher, assertion(jti="3")).status_code == 401


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"keys": 7}', b'{"keys": [{}]}', b"x" * 70_000])
def test_unreadable_keys_prove_no_client(publisher, keys_of_green, body):
    keys_of_green.body = body

    assert present(publisher, assertion()).status_code == 401
