"""A revocation meets the tokens that it names, of their owner, once."""

from datetime import timedelta

import pytest

from provider.infrastructure.database import db, transaction
from provider.infrastructure.opaque_tokens import new_id
from provider.tokens import access
from provider.tokens.models import AccessToken
from provider.tokens.revoke import revoke_access_token, revoke_exchanged, revoke_family
from tests.factories import make_account, make_client, make_session
from tests.support.reads import end_read

pytestmark = pytest.mark.usefixtures("turned_clock")


@pytest.fixture
def api(app):
    return make_client("api")


@pytest.fixture
def give(red):
    """Give red, or a service that acts for its people, a token of a family; returns handle and row."""
    made = make_session(make_account("ada"), [red])

    def give(family_id, actor=None) -> tuple[str, AccessToken]:
        with transaction():
            handle, token = access.issue_for_grant(
                red,
                made.grants["red"],
                made.client_sessions["red"],
                made.session,
                scope="openid",
                family_id=family_id,
                offline=False,
                actor=actor,
            )
        return handle, db.session.get_one(AccessToken, token.id)

    return give


def revoked(*tokens: AccessToken) -> list[bool]:
    end_read()
    for token in tokens:
        db.session.refresh(token)
    return [token.revoked_at is not None for token in tokens]


def test_only_the_owner_revokes_an_access_token(red, api, give, turned_clock):
    (own, row), (taken, acting) = give(new_id()), give(new_id(), actor=api)

    with transaction():
        assert not revoke_access_token(own, owner_id=api.id)
        assert not revoke_access_token(taken, owner_id=red.id)
        assert not revoke_access_token("cfa_unknown", owner_id=red.id)
    assert revoked(row, acting) == [False, False]

    with transaction():
        assert revoke_access_token(own, owner_id=red.id)
    assert revoked(row, acting) == [True, False]
    with transaction():
        assert revoke_access_token(taken, owner_id=api.id)
    assert revoked(row, acting) == [True, True]


def test_it_is_revoked_once_and_keeps_the_instant(red, give, turned_clock):
    handle, row = give(new_id())
    before = turned_clock()
    with transaction():
        assert revoke_access_token(handle, owner_id=red.id)
    turned_clock.turn(timedelta(minutes=1))

    with transaction():
        assert not revoke_access_token(handle, owner_id=red.id)

    end_read()
    db.session.refresh(row)
    assert row.revoked_at == before


def test_a_family_is_revoked_and_counted_alone(give, turned_clock):
    family, before = new_id(), turned_clock()
    (_, first), (_, second), (_, other) = give(family), give(family), give(new_id())

    with transaction():
        assert revoke_family(family) == 2
    turned_clock.turn(timedelta(minutes=1))
    with transaction():
        assert revoke_family(family) == 0

    assert revoked(first, second, other) == [True, True, False]
    assert first.revoked_at == before


def test_what_services_took_is_revoked_without_the_persons_own(api, give, turned_clock):
    family, before = new_id(), turned_clock()
    (_, own), (_, taken), (_, other) = give(family), give(family, actor=api), give(new_id(), actor=api)

    with transaction():
        assert revoke_exchanged(family) == 1
    turned_clock.turn(timedelta(minutes=1))
    with transaction():
        assert revoke_exchanged(family) == 0

    assert revoked(own, taken, other) == [False, True, False]
    assert taken.revoked_at == before
