"""Fetches of the provider's keys, and what is concluded when it does not answer."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from curfew_rp import ProviderKeys, ProviderUnreachable, provider_keys
from curfew_rp.provider_keys import FETCHES_AT_ONCE
from tests.kit.other_provider import public_jwk


@pytest.fixture
def keys(provider):
    return ProviderKeys(provider.issuer)


def test_keys_are_fetched_once(keys, provider):
    assert provider.fetched == []

    assert [key["kid"] for key in keys.find_keys("ES256")] == ["ES256"]
    assert [key["kid"] for key in keys.find_keys("RS256")] == ["RS256"]
    assert len(keys.find_keys(None)) == 4

    assert provider.fetched == ["/.well-known/openid-configuration", "/jwks"]


def test_an_unknown_kid_has_them_fetched_again_within_a_bound(keys, provider):
    keys.find_keys("ES256")

    for number in range(FETCHES_AT_ONCE):
        assert keys.find_keys(f"invented {number}") == []
    for number in range(20):
        # Not known, rather than unknown: the provider may have published it since.
        with pytest.raises(ProviderUnreachable, match="fetched a moment ago"):
            keys.find_keys(f"another {number}")

    assert provider.fetched.count("/jwks") == 1 + FETCHES_AT_ONCE
    assert len(keys.find_keys("ES256")) == 1


def test_keys_that_were_fetched_for_this_very_token_are_not_fetched_twice(keys, provider):
    assert keys.find_keys("invented") == []

    assert provider.fetched.count("/jwks") == 1


@pytest.mark.parametrize("invented", range(FETCHES_AT_ONCE))
def test_a_key_that_was_just_rotated_is_found_at_once(keys, provider, invented):
    keys.find_keys("ES256")
    for number in range(invented):
        keys.find_keys(f"invented {number}")
    provider.jwks.append(public_jwk("ES256", "ES256 new"))

    assert [key["kid"] for key in keys.find_keys("ES256 new")] == ["ES256 new"]


def test_a_rotation_during_a_flood_of_invented_kids_is_found_after_seconds(keys, provider, monkeypatch):
    for number in range(1 + FETCHES_AT_ONCE):
        keys.find_keys(f"invented {number}")
    provider.jwks.append(public_jwk("ES256", "ES256 new"))
    with pytest.raises(ProviderUnreachable):
        keys.find_keys("ES256 new")

    monkeypatch.setattr(provider_keys, "SECONDS_BETWEEN_FETCHES", 0.0)

    assert [key["kid"] for key in keys.find_keys("ES256 new")] == ["ES256 new"]


def test_keys_that_are_old_are_fetched_again(provider):
    keys = ProviderKeys(provider.issuer, kept_for=timedelta(0))
    keys.find_keys("ES256")
    provider.jwks[:] = [public_jwk("RS256", "RS256")]

    assert keys.find_keys("ES256") == []


def test_many_at_once_fetch_them_once(keys, provider):
    gate = threading.Barrier(8)

    def find(_):
        gate.wait()
        return len(keys.find_keys("RS256"))

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(find, range(8))) == [1] * 8

    assert provider.fetched.count("/jwks") == 1


def test_a_provider_that_is_away_is_not_asked_again_at_once(keys, provider, monkeypatch):
    provider.is_down = True
    for _ in range(10):
        with pytest.raises(ProviderUnreachable):
            keys.find_keys("RS256")
    assert len(provider.fetched) == 1

    provider.is_down = False
    monkeypatch.setattr(provider_keys, "SECONDS_BETWEEN_FETCHES", 0.0)

    assert len(keys.find_keys("RS256")) == 1


@pytest.mark.parametrize(
    ("path", "document"),
    [
        pytest.param("/.well-known/openid-configuration", {"issuer": "https://another.example"}, id="issuer"),
        pytest.param("/.well-known/openid-configuration", [], id="metadata is a list"),
        pytest.param("/.well-known/openid-configuration", b"\xff", id="metadata is not JSON"),
        pytest.param("/jwks", {}, id="no keys"),
        pytest.param("/jwks", {"keys": {}}, id="keys is no list"),
        pytest.param("/jwks", b"[" * 100_000, id="nested too deeply"),
        pytest.param("/jwks", b" " * 300_000, id="too large"),
    ],
)
def test_a_response_that_is_not_the_providers_says_nothing(keys, provider, path, document):
    provider.bend[path] = document

    with pytest.raises(ProviderUnreachable):
        keys.find_keys("RS256")


def test_metadata_without_keys_says_nothing(keys, provider):
    provider.bend["/.well-known/openid-configuration"] = {"issuer": provider.issuer}

    with pytest.raises(ProviderUnreachable, match="the provider has no jwks_uri"):
        keys.find_keys("RS256")


def test_odd_keys_beside_a_good_one_do_not_matter(keys, provider):
    provider.jwks[:0] = ["text", None, {"kty": "odd", "kid": "RS256"}, {"use": "enc", "kid": "RS256"}]

    assert len(keys.find_keys("RS256")) == 2
