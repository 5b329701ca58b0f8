"""A refresh token is offline if it stands on a grant that needs nothing else."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from provider.infrastructure.database import change, transaction
from provider.infrastructure.opaque_tokens import digest_of
from provider.tokens.liveness import has_offline_token
from provider.tokens.models import RefreshToken


@pytest.fixture
def at_red(issuing, ada, red):
    return issuing(ada, red, offline=True)


def put(handle: str, **values) -> None:
    with transaction():
        change(update(RefreshToken).where(RefreshToken.digest == digest_of(handle)).values(**values))


def test_one_stands_and_of_two_the_other(at_red):
    grant = at_red.made.grants["red"]
    assert not has_offline_token(grant)

    first, _second = at_red.refresh_token(), at_red.refresh_token()

    assert has_offline_token(grant)
    put(first, rotated_at=at_red.made.session.created_at)
    assert has_offline_token(grant)


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(lambda now: {"rotated_at": now}, id="it was used"),
        pytest.param(lambda now: {"revoked_at": now}, id="it was revoked"),
        pytest.param(lambda now: {"expires_at": now}, id="it has expired"),
        pytest.param(lambda now: {"offline": False}, id="it needs its client session"),
    ],
)
def test_one_that_is_not_valid_on_its_own_does_not_stand(at_red, turned_clock, values):
    put(at_red.refresh_token(), **values(turned_clock()))

    assert not has_offline_token(at_red.made.grants["red"])


def test_none_stands_on_another_grant(at_red, issuing, ben, red, green):
    issuing(ben, red, offline=True).refresh_token()
    issuing(ben, green, offline=True).refresh_token()

    assert not has_offline_token(at_red.made.grants["red"])


def test_none_stands_on_a_grant_that_ends_with_its_session(issuing, ada, red, turned_clock):
    bound = issuing(ada, red)
    handle = bound.refresh_token()
    turned_clock.turn(timedelta(seconds=1))
    put(handle, offline=True)

    assert not has_offline_token(bound.made.grants["red"])
