"""The tokens with which services act for a person (rfc8693), as an operator sees them."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import update

from provider.clients.models import Client
from provider.grants.models import Grant
from provider.infrastructure.database import change, transaction
from provider.infrastructure.opaque_tokens import new_id
from provider.tokens import access
from provider.tokens.models import AccessToken
from provider.tokens.service import list_acting_for
from tests.factories import make_client, make_session

A_MINUTE = timedelta(minutes=1)


@pytest.fixture
def api(app) -> Client:
    return make_client("api", settings={"may_exchange_tokens_of": ["red"]})


@pytest.fixture
def take(red, turned_clock) -> Callable[..., AccessToken]:
    """Issues a token of a person at red, to a service if one is given."""

    def issue(account, actor=None) -> AccessToken:
        made = make_session(account, [red])
        of = (red, made.grants["red"], made.client_sessions["red"], made.session)
        about = {"scope": "openid", "family_id": new_id(), "offline": False, "actor": actor}
        with transaction():
            return access.issue_for_grant(*of, **about)[1]

    return issue


def ids(account, limit: int = 10) -> list:
    return [token.id for token, _, _ in list_acting_for(account.id, limit=limit)]


def test_each_with_the_service_and_the_client_whose_token_it_presented(ada, ben, red, api, take):
    taken = take(ada, api)
    take(ada)
    take(ben, api)

    [(token, actor, client)] = list_acting_for(ada.id, limit=10)

    assert (token.id, actor.id, client.id) == (taken.id, api.id, red.id)


def test_the_newest_come_first(ada, api, take):
    made = [take(ada, api) for _ in range(4)]
    newest = sorted((new_id() for _ in made), reverse=True)
    for token, new in zip(made, newest, strict=True):
        with transaction():
            change(update(AccessToken).where(AccessToken.id == token.id).values(id=new))

    assert ids(ada) == newest
    assert ids(ada, limit=2) == newest[:2]


@pytest.mark.parametrize(
    ("model", "values"),
    [
        pytest.param(AccessToken, lambda now: {"revoked_at": now}, id="it was revoked"),
        pytest.param(AccessToken, lambda now: {"expires_at": now}, id="it has expired"),
        pytest.param(Grant, lambda now: {"revoked_at": now}, id="its grant was revoked"),
        pytest.param(AccessToken, lambda now: {"actor_epoch": 7}, id="the service was ended"),
    ],
)
def test_one_that_is_no_longer_valid_is_not_listed(ada, api, take, turned_clock, model, values):
    take(ada, api)
    assert len(ids(ada)) == 1
    with transaction():
        change(update(model).values(**values(turned_clock())))

    assert ids(ada) == []
