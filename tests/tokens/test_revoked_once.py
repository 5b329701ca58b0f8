"""A revoked or used token keeps the instant at which it was, and one decision is used up alone."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from provider.clients.models import Client
from provider.infrastructure.database import change, db, transaction
from provider.infrastructure.opaque_tokens import digest_of, new_id
from provider.tokens import access, device_codes, refresh, service
from provider.tokens.device_models import DeviceCode
from provider.tokens.liveness import find_refresh_token
from provider.tokens.models import AccessToken, RefreshToken
from provider.tokens.revoke import revoke_family
from tests.factories import make_client

A_MINUTE = timedelta(minutes=1)


def test_a_family_that_is_revoked_again_keeps_its_instant(issuing, ada, red, turned_clock):
    at_red, family = issuing(ada, red, offline=True), new_id()
    at_red.refresh_token(family)
    revoked_at = turned_clock()
    with transaction():
        assert revoke_family(family) == 1
    turned_clock.turn(A_MINUTE)

    with transaction():
        assert revoke_family(family) == 0

    assert db.session.scalar(select(RefreshToken.revoked_at)) == revoked_at


def test_service_tokens_that_are_revoked_again_keep_their_instant(red, turned_clock):
    with transaction():
        token = access.issue_for_client(red, scope="jobs")[1]
    revoked_at = turned_clock()
    with transaction():
        assert service._revoke([token.id]) == 1
    turned_clock.turn(A_MINUTE)

    with transaction():
        assert service._revoke([token.id]) == 0

    assert db.session.scalar(select(AccessToken.revoked_at)) == revoked_at


def test_the_answer_of_one_device_is_used_up_alone(app, turned_clock):
    tv = make_client("tv")
    with transaction():
        one, other = (
            device_codes.issue(tv, scope="openid", device="TV", ip=None, request={})[0] for _ in range(2)
        )
        one.allowed_at = other.allowed_at = turned_clock()

    with transaction():
        assert device_codes.use(one)
        assert not device_codes.use(one)
        assert device_codes.use(other)

    assert set(db.session.scalars(select(DeviceCode.used_at))) == {turned_clock()}


def test_a_refresh_is_answered_by_what_its_successor_has_become(issuing, ada, red, turned_clock):
    handle = issuing(ada, red, offline=True).refresh_token()
    with transaction():
        successor = refresh.rotate(find_refresh_token(handle), handle).handle
    # This session has read the successor before another one changes it.
    with transaction():
        known = db.session.scalars(
            select(RefreshToken).where(RefreshToken.digest == digest_of(successor))
        ).one()
        change(update(RefreshToken).values(created_at=turned_clock() - timedelta(hours=1)))
        assert known.created_at == turned_clock()

        assert refresh._may_be_repeated(find_refresh_token(handle), successor) is False


@pytest.mark.parametrize("may_repeat", [True, False], ids=["confidential", "public"])
def test_a_client_repeats_a_refresh_without_a_key_only_if_it_has_a_secret(app, may_repeat):
    method = "client_secret_basic" if may_repeat else "none"
    client: Client = make_client("app", token_endpoint_auth_method=method)

    assert (refresh.reuse_interval(client) > timedelta(0)) is may_repeat
