"""A token lives as long as all that it stands on; each level that ends takes with it what stands on it."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from provider.accounts.models import Account
from provider.clients.models import Client
from provider.grants.models import Grant
from provider.infrastructure import clock
from provider.infrastructure.database import change, transaction
from provider.infrastructure.provider_state import ProviderState
from provider.sessions.models import ClientSession, Session
from provider.tokens.found import find_code, read_access_token, read_refresh_token
from provider.tokens.liveness import find_access_token, find_refresh_token
from provider.tokens.models import AccessToken, RefreshToken
from tests.support.reads import end_read

ALL, NONE = {"access token", "refresh token", "code"}, set()
# What stands on an offline grant needs no session; a code does.
OF_THE_GRANT = {"access token", "refresh token"}
A_SECOND = timedelta(seconds=1)


class Issued:
    """One token of each kind."""

    def __init__(self, issuer) -> None:
        self.access_token, self.refresh_token = issuer.access_token(), issuer.refresh_token()
        self.code = issuer.code()

    def living(self) -> set[str]:
        end_read()
        lives = {
            "access token": find_access_token(self.access_token) is not None,
            "refresh token": find_refresh_token(self.refresh_token, lock=False).is_valid,
            "code": find_code(self.code).is_valid,
        }
        end_read()
        # The statements for rows that are only read say the same.
        assert (read_access_token(self.access_token) is not None) == lives["access token"]
        assert read_refresh_token(self.refresh_token).is_valid == lives["refresh token"]
        return {kind for kind, one_lives in lives.items() if one_lives}


@pytest.fixture(params=[False, True], ids=["online", "offline"])
def offline(request) -> bool:
    return request.param


@pytest.fixture
def issued(issuing, ada, red, offline) -> Issued:
    return Issued(issuing(ada, red, offline=offline))


def set_all(model, **values) -> None:
    with transaction():
        assert change(update(model).values(**values)) == 1


def now_or_later():
    return clock.now() + A_SECOND


def test_all_live_while_nothing_ends(issued):
    assert issued.living() == ALL


@pytest.mark.parametrize(
    ("model", "values"),
    [
        pytest.param(Account, {"disabled_at": clock.now}, id="a disabled person"),
        pytest.param(Account, {"deleted_at": clock.now}, id="a deleted person"),
        pytest.param(Account, {"epoch": Account.epoch + 1}, id="all that the person has"),
        pytest.param(Client, {"disabled_at": clock.now}, id="a disabled client"),
        pytest.param(Client, {"deleted_at": clock.now}, id="a deleted client"),
        pytest.param(Client, {"epoch": Client.epoch + 1}, id="all that the client has"),
        pytest.param(ProviderState, {"epoch": ProviderState.epoch + 1}, id="all of the provider"),
        pytest.param(
            ProviderState, {"issued_before_is_dead_at": now_or_later}, id="what a restored backup may revive"
        ),
        pytest.param(Grant, {"revoked_at": clock.now}, id="a revoked grant"),
    ],
)
def test_what_takes_everything_with_it(issued, model, values):
    set_all(model, **{name: value() if callable(value) else value for name, value in values.items()})

    assert issued.living() == NONE


@pytest.mark.parametrize("model", [Session, ClientSession])
def test_the_end_of_a_session_leaves_what_stands_on_an_offline_grant(issued, model, offline):
    set_all(model, ended_at=clock.now())

    assert issued.living() == (OF_THE_GRANT if offline else NONE)


def test_an_idle_session_ends_as_any_other(issued, offline, turned_clock):
    set_all(Session, ends_at=clock.now())

    assert issued.living() == (OF_THE_GRANT if offline else NONE)


@pytest.mark.parametrize(("model", "kind"), [(AccessToken, "access token"), (RefreshToken, "refresh token")])
@pytest.mark.parametrize("end", ["revoked_at", "expires_at"])
def test_a_token_ends_alone(issued, model, kind, end):
    set_all(model, **{end: clock.now()})

    assert issued.living() == ALL - {kind}


def test_a_token_outlives_its_session_only_if_it_was_asked_for_with_the_grant(issued):
    set_all(AccessToken, offline=False)
    set_all(RefreshToken, offline=False)
    set_all(Session, ended_at=clock.now())

    assert issued.living() == NONE


def test_offline_access_that_the_client_may_no_longer_have_is_refreshed_no_more(issued, red, offline):
    with transaction():
        red.registered = red.registered | {"scope": "openid"}

    assert ("refresh token" in issued.living()) == (not offline)
