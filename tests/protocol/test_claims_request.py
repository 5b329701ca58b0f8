"""The `claims` parameter is read once; whatever a stranger sends is a request or an error, nothing else."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider.protocol.claims_request import ClaimDemand, ClaimsRequest, read_claims_request
from provider.protocol.errors import InvalidRequest

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
NAMES = st.sampled_from(["sub", "acr", "email", "name#de", "", "\u0000", "given_name"])
DEMANDS = JSON | st.fixed_dictionaries(
    {}, optional={"essential": st.booleans(), "value": JSON, "values": st.lists(JSON, max_size=3), "x": JSON}
)
PLACES = JSON | st.dictionaries(NAMES, DEMANDS, max_size=4)


@pytest.mark.spec("core 16")
def test_both_places_are_read_and_what_is_not_understood_is_ignored():
    asked = read_claims_request(
        '{"userinfo": {"name": null, "email": {"essential": true}}, "id_token":'
        ' {"acr": {"values": ["a", "b"]}}, "x": 7}'
    )

    assert asked.userinfo == {"name": ClaimDemand(), "email": ClaimDemand(essential=True)}
    assert asked.id_token == {"acr": ClaimDemand(values=("a", "b"))}
    assert asked.names == {"name", "email", "acr"}


@pytest.mark.spec("core 6, core 16")
@pytest.mark.parametrize(
    ("claims", "subjects", "acr"),
    [
        pytest.param({}, set(), set(), id="nothing is asked"),
        pytest.param({"id_token": {"sub": None, "acr": None}}, set(), set(), id="no values"),
        pytest.param({"id_token": {"sub": {"value": "a"}}}, {"a"}, set(), id="one subject"),
        pytest.param({"userinfo": {"sub": {"values": ["a", "b"]}}}, {"a", "b"}, set(), id="one of two"),
        pytest.param({"userinfo": {"sub": {"value": 7}}}, {"7"}, set(), id="a number is no subject"),
        pytest.param({"id_token": {"acr": {"value": "x"}}}, set(), set(), id="a wished-for acr"),
        pytest.param({"id_token": {"acr": {"value": "x", "essential": True}}}, set(), {"x"}, id="an acr"),
        pytest.param({"userinfo": {"acr": {"value": "x", "essential": True}}}, set(), set(), id="not there"),
    ],
)
def test_what_is_demanded_of_the_person(claims, subjects, acr):
    asked = read_claims_request(json.dumps(claims))

    assert asked.subjects == subjects
    assert asked.required_acr == acr


def test_claims_can_be_taken_out():
    asked = read_claims_request('{"userinfo": {"email": null, "name": null}, "id_token": {"email": null}}')

    assert asked.without({"email"}) == ClaimsRequest(userinfo={"name": ClaimDemand()}, id_token={})


@given(
    st.text(max_size=50)
    | st.fixed_dictionaries({}, optional={"userinfo": PLACES, "id_token": PLACES}).map(json.dumps)
)
def test_anything_is_a_request_or_an_invalid_one(text):
    with suppress(InvalidRequest):
        asked = read_claims_request(text)

        assert asked.names >= set(asked.userinfo)
        assert all(isinstance(value, str) for value in asked.subjects | asked.required_acr)
