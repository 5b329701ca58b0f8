"""Signed tokens, bound tokens and tokens for a resource end as opaque ones do (design §4)."""

import pytest

from provider.clients import resources
from provider.infrastructure.database import transaction
from tests.endpoints.ways_to_end import WAYS_TO_END
from tests.support.browsers import ISSUER, query_of
from tests.support.prover import Holder

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
API = "https://api.test/"


@pytest.fixture
def rp(app):
    with transaction():
        resources.add(API)
    return Holder(app, "red", access_token_format="jwt")


@pytest.mark.parametrize("how", WAYS_TO_END)
def test_whatever_ends_it_a_signed_and_bound_token_is_refused_at_once(story, how):
    asked = story.rp.authorize(story.browser, resource=[ISSUER, API])
    tokens = story.rp.exchange(query_of(asked)["code"], resource=ISSUER).json
    for_api = story.rp.refresh(tokens["refresh_token"], resource=API).json
    assert story.lives(tokens)
    assert story.rp.introspect(for_api["access_token"])["active"]

    how(story)

    assert not story.lives(tokens)
    assert not story.rp.introspect(for_api["access_token"])["active"]
    assert story.rp.refresh(for_api["refresh_token"]).json["error"] == "invalid_grant"
