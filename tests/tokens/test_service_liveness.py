"""A token without a person, and one that a service took in exchange, live as long as what holds them."""

from collections.abc import Callable

import pytest
from sqlalchemy import update

from provider.clients.models import Client
from provider.infrastructure import clock
from provider.infrastructure.database import change, transaction
from provider.infrastructure.opaque_tokens import new_id
from provider.infrastructure.provider_state import ProviderState
from provider.tokens import access
from provider.tokens.found import read_access_token, read_with_client
from provider.tokens.liveness import find_access_token
from provider.tokens.models import AccessToken
from provider.tokens.service import count_valid, list_valid
from tests.factories import make_client, make_session
from tests.support.reads import end_read

pytestmark = pytest.mark.usefixtures("turned_clock")


@pytest.fixture
def api(app) -> Client:
    return make_client("api", settings={"may_exchange_tokens_of": ["red"]})


@pytest.fixture
def taken(ada, red, api) -> str:
    """A token of Ada at red, as api holds it."""
    made = make_session(ada, [red])
    of = (red, made.grants["red"], made.client_sessions["red"], made.session)
    with transaction():
        return access.issue_for_grant(*of, scope="openid", family_id=new_id(), offline=False, actor=api)[0]


@pytest.fixture
def own(api) -> str:
    """A token that api has for itself."""
    with transaction():
        return access.issue_for_client(api, scope="jobs")[0]


def set_of(client: Client, **values) -> None:
    with transaction():
        assert change(update(Client).where(Client.id == client.id).values(**values)) == 1


def lives(handle: str) -> bool:
    end_read()
    found = find_access_token(handle)
    # The statements for rows that are only read say the same.
    described = read_with_client(handle, "api")[1]
    assert (found is None) == (read_access_token(handle) is None) == (described is None)
    end_read()
    return found is not None


def test_they_are_found_with_what_they_hang_on(taken, own, red, api, ada):
    found = find_access_token(taken)
    assert (found.client.id, found.actor.id, found.holder.id) == (red.id, api.id, api.id)
    assert found.account.id == ada.id
    assert read_access_token(taken).holder.id == read_with_client(taken, "red")[1].holder.id == api.id

    found = find_access_token(own)
    assert (found.client.id, found.actor, found.holder.id) == (api.id, None, api.id)
    assert (found.grant, found.account, found.client_session, found.session) == (None, None, None, None)


ENDS = [
    pytest.param({"disabled_at": clock.now}, id="disabled"),
    pytest.param({"deleted_at": clock.now}, id="deleted"),
    pytest.param({"epoch": Client.epoch + 1}, id="all that it has"),
    pytest.param({"credentials_epoch": Client.credentials_epoch + 1}, id="a credential that was withdrawn"),
]


def values_of(values: dict) -> dict:
    return {name: value() if isinstance(value, Callable) else value for name, value in values.items()}


@pytest.mark.parametrize("values", ENDS)
def test_they_end_with_what_holds_them(taken, own, api, values):
    assert (lives(taken), lives(own), count_valid()) == (True, True, 1)

    set_of(api, **values_of(values))

    assert (lives(taken), lives(own), count_valid()) == (False, False, 0)


@pytest.mark.parametrize("values", ENDS)
def test_what_was_taken_ends_with_the_client_too_but_not_with_its_credentials(taken, own, red, values):
    set_of(red, **values_of(values))

    assert (lives(taken), lives(own)) == ("credentials_epoch" in values, True)


def test_they_end_with_all_of_the_provider(taken, own):
    with transaction():
        change(update(ProviderState).values(epoch=ProviderState.epoch + 1))

    assert (lives(taken), lives(own), count_valid()) == (False, False, 0)


@pytest.mark.parametrize("end", ["revoked_at", "expires_at"])
def test_they_end_by_themselves(taken, own, end):
    with transaction():
        change(update(AccessToken).values(**{end: clock.now()}))

    assert (lives(taken), lives(own), count_valid()) == (False, False, 0)


def test_of_the_previous_release_they_end_with_the_first_credential_that_is_withdrawn(taken, own, api):
    with transaction():
        change(update(AccessToken).values(credentials_epoch=None))
    assert (lives(taken), lives(own)) == (True, True)

    set_of(api, credentials_epoch=1)

    assert (lives(taken), lives(own)) == (False, False)


def test_one_that_was_issued_after_a_credential_was_withdrawn_lives(api):
    with transaction():
        api.credentials_epoch = 3
    with transaction():
        handle = access.issue_for_client(api, scope="jobs")[0]

    assert lives(handle)


@pytest.mark.parametrize("allowed", [None, [], ["green"]])
def test_what_was_taken_ends_when_the_service_may_no_longer_act_for_that_client(taken, own, api, allowed):
    set_of(api, may_exchange_tokens_of=allowed)

    assert (lives(taken), lives(own)) == (False, True)


def test_they_are_listed_newest_first_by_pages(api, red):
    with transaction():
        own = [access.issue_for_client(api, scope="jobs")[1].id for _ in range(3)]
        of_red = access.issue_for_client(red, scope="jobs")[1].id
    newest = sorted(own, reverse=True)

    def listed(client, **page) -> list:
        return [token.id for token, _ in list_valid(client, **page)]

    assert listed(None, limit=10) == sorted([of_red, *newest], reverse=True)
    assert listed(api, limit=10) == newest
    assert listed(api, limit=2) == newest[:2]
    assert listed(api, after=newest[1], limit=2) == newest[2:]
