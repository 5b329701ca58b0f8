"""The hash in an ID Token."""

import base64
import hashlib

import pytest

from provider.tokens.id_token import half_hash


@pytest.mark.spec("core §3.1.3.6")
@pytest.mark.parametrize(
    ("alg", "hash_"),
    [
        ("RS256", hashlib.sha256),
        ("ES256", hashlib.sha256),
        ("ES384", hashlib.sha384),
        ("EdDSA", hashlib.sha512),
    ],
)
def test_at_hash_is_the_left_half_of_the_algorithms_hash(alg, hash_):
    whole = hash_(b"cfa_token").digest()

    half = base64.urlsafe_b64decode(half_hash("cfa_token", alg=alg) + "==")

    assert half == whole[: len(whole) // 2]


def test_it_is_base64url_without_padding():
    # The example of core, appendix A.3; and one that ends with a letter.
    assert half_hash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y", alg="RS256") == "77QmUPtjPfzWtF2AnpK9RQ"
    assert half_hash("cfa_token_36", alg="ES384") == "Dc15ccoaIvbYuSGve_ukrxarDWE9qhmX"


@pytest.mark.parametrize("alg", ["none", "HS999", ""])
def test_an_unknown_algorithm_fails(alg):
    """ABU-38: no hash is better than an unchecked one."""
    with pytest.raises(KeyError):
        half_hash("cfa_token", alg=alg)
