"""`/jwks` as relying parties see it."""

import pytest

PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}


@pytest.mark.spec("core 14")
def test_the_keys_are_public_and_named(rp):
    response = rp.http.get("/jwks")

    keys = response.json["keys"]
    assert response.mimetype == "application/jwk-set+json"
    assert {key["alg"] for key in keys} == {"RS256", "ES256", "EdDSA", "PS256"}
    assert {key["use"] for key in keys} == {"sig"}
    assert len({key["kid"] for key in keys}) == len(keys)
    assert not any(PRIVATE & set(key) for key in keys)
