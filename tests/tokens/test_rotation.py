"""A refresh token is used once; its response may be repeated a moment later, and theft is detected."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from provider.infrastructure import clock
from provider.infrastructure.database import change, db, transaction
from provider.infrastructure.opaque_tokens import new_id
from provider.tokens.liveness import find_refresh_token
from provider.tokens.models import RefreshToken
from provider.tokens.refresh import Invalid, Replayed, Rotated, Rotation, rotate
from provider.tokens.revoke import revoke_family
from tests.factories import make_client
from tests.support.reads import end_read

INTERVAL = timedelta(seconds=10)
PUBLIC = {"token_endpoint_auth_method": "none"}
FAPI2 = {
    "require_pushed_authorization_requests": True,
    "dpop_bound_access_tokens": True,
    "token_endpoint_auth_method": "private_key_jwt",
    "jwks_uri": "https://red.test/jwks",
}
BOUND = {"jkt": "a-thumbprint"}


@pytest.fixture
def settings(settings):
    return replace(settings, refresh_reuse_interval=INTERVAL)


@pytest.fixture
def token(issuing, ada, red):
    return issuing(ada, red).refresh_token()


def use(handle: str) -> Rotation:
    with transaction():
        return rotate(find_refresh_token(handle), handle)


def row_of(handle: str) -> RefreshToken:
    end_read()
    return find_refresh_token(handle, lock=False).token


def count_tokens() -> int:
    end_read()
    return db.session.scalar(select(func.count()).select_from(RefreshToken))


def test_a_used_token_has_one_successor_in_its_family(token):
    response = use(token)

    used, successor = row_of(token), row_of(response.handle)
    assert not response.repeated
    assert used.rotated_at is not None
    assert successor.rotated_at is None
    assert (used.generation, successor.generation) == (0, 1)
    assert used.family_id == successor.family_id
    assert count_tokens() == 2


def test_what_was_asked_for_is_handed_on(issuing, ada, red):
    token = issuing(ada, red, offline=True).refresh_token(
        resources=["https://api.test"], cnf=BOUND, claims={"userinfo": ["email"]}
    )

    successor = row_of(use(token).handle)

    assert successor.scope == "openid offline_access"
    assert successor.offline
    assert successor.resources == ["https://api.test"]
    assert successor.cnf == BOUND
    assert successor.claims == {"userinfo": ["email"]}
    assert successor.amr == "pwd"


def test_a_refresh_that_is_repeated_in_time_is_answered_the_same(token, turned_clock):
    first = use(token)
    turned_clock.turn(INTERVAL - timedelta(seconds=1))

    assert use(token) == Rotated(first.handle, repeated=True)
    assert count_tokens() == 2


def test_a_refresh_that_is_repeated_later_is_a_replay(token, turned_clock):
    use(token)
    turned_clock.turn(INTERVAL)

    assert use(token) == Replayed()


def test_a_refresh_that_is_repeated_after_its_successor_was_used_is_a_replay(token):
    use(use(token).handle)

    assert use(token) == Replayed()


def test_a_refresh_whose_successor_was_revoked_is_not_answered_again(token):
    successor = row_of(use(token).handle)
    with transaction():
        revoked = update(RefreshToken).where(RefreshToken.id == successor.id).values(revoked_at=clock.now())
        assert change(revoked) == 1

    assert use(token) == Replayed()


@pytest.mark.parametrize(
    ("metadata", "own", "cnf", "outcome"),
    [
        pytest.param(PUBLIC, None, None, Replayed, id="a public client"),
        pytest.param(PUBLIC, None, BOUND, Rotated, id="a public client with a bound token"),
        pytest.param({}, timedelta(0), None, Replayed, id="a client that never may"),
        pytest.param(PUBLIC, INTERVAL, None, Rotated, id="a public client that may"),
    ],
)
def test_which_client_may_repeat_a_refresh(issuing, ada, metadata, own, cnf, outcome):
    green = make_client("green", settings={"refresh_reuse_interval": own}, **metadata)
    token = issuing(ada, green).refresh_token(cnf=cnf)
    use(token)

    assert isinstance(use(token), outcome)


def test_a_token_of_a_revoked_family_is_refused_and_stays_unused(issuing, ada, red):
    family = new_id()
    token = issuing(ada, red).refresh_token(family)
    with transaction():
        assert revoke_family(family) == 1

    assert use(token) == Invalid()
    assert row_of(token).rotated_at is None
    assert count_tokens() == 1


def test_a_token_that_was_used_before_its_family_was_revoked_is_refused_too(issuing, ada, red):
    family = new_id()
    token = issuing(ada, red).refresh_token(family)
    use(token)
    with transaction():
        revoke_family(family)

    assert use(token) == Invalid()


def test_each_use_moves_the_idle_end(issuing, ada, red, settings, turned_clock):
    token = issuing(ada, red, offline=True).refresh_token()
    before = row_of(token).expires_at
    turned_clock.turn(timedelta(days=1))

    assert row_of(use(token).handle).expires_at == before + timedelta(days=1)


@pytest.mark.parametrize("offline", [False, True], ids=["the session", "the grant"])
def test_no_use_moves_the_end_behind_what_it_stands_on(issuing, ada, red, offline, settings, turned_clock):
    at_red = issuing(ada, red, offline=offline)
    last = at_red.made.grants["red"].expires_at if offline else at_red.made.session.expires_at
    token = at_red.refresh_token()
    while row_of(token).expires_at < last:
        turned_clock.turn(settings.refresh_token_idle_lifetime * 0.9)
        token = use(token).handle

    assert row_of(token).expires_at == last


def test_a_token_of_a_fapi_client_stays_and_lives_longer(issuing, ada, turned_clock):
    green = make_client("green", **FAPI2)
    token = issuing(ada, green, offline=True).refresh_token(cnf=BOUND)
    before = row_of(token).expires_at
    turned_clock.turn(timedelta(days=1))

    assert use(token) == use(token) == Rotated(token)
    assert row_of(token).expires_at == before + timedelta(days=1)
    assert count_tokens() == 1


def test_a_token_that_was_used_before_its_client_kept_its_tokens_is_not_prolonged(
    issuing, ada, red, turned_clock
):
    token = issuing(ada, red, offline=True).refresh_token(cnf=BOUND)
    response = use(token)
    with transaction():
        red.registered = red.registered | FAPI2 | {"jwks_uri": "https://red.test/jwks"}

    assert use(token) == Rotated(response.handle, repeated=True)


def test_only_the_token_that_is_presented_lives_longer(issuing, ada, turned_clock):
    at_green = issuing(ada, make_client("green", **FAPI2), offline=True)
    used, other = at_green.refresh_token(cnf=BOUND), at_green.refresh_token(cnf=BOUND)
    before = row_of(other).expires_at
    turned_clock.turn(timedelta(days=1))

    assert use(used) == Rotated(used)

    assert (row_of(other).expires_at, row_of(used).expires_at) == (before, before + timedelta(days=1))
