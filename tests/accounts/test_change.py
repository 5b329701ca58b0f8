"""Changes that must end sessions make them dead by the epoch; the others leave it alone."""

import pytest

from provider.accounts import change, queries, register
from provider.accounts.claims import InvalidClaims
from provider.infrastructure.database import transaction

PASSWORD = "a quiet evening at home"


@pytest.fixture
def ada(app):
    with transaction():
        return register.add("ada", PASSWORD, {"name": "Ada"})


def test_disabling_counts_the_epoch_up_and_enabling_does_not_revive(ada):
    with transaction():
        assert change.disable(ada)
        assert not change.disable(ada)
    assert not ada.is_active
    assert ada.epoch == 1

    with transaction():
        assert change.enable(ada)
        assert not change.enable(ada)

    assert ada.is_active
    assert ada.epoch == 1


@pytest.mark.spec("design §3")
def test_only_a_reset_ends_everything(ada):
    with transaction():
        change.set_password(ada, "my own new password")
    assert ada.epoch == 0

    with transaction():
        change.set_password(ada, "another person set this one", reset=True)

    assert ada.epoch == 1
    assert ada.password_changed_at is not None


@pytest.mark.spec("core 17")
def test_a_deleted_person_leaves_nothing_but_identifiers_and_a_free_name(ada):
    with transaction():
        change.delete(ada)

    assert queries.find_by_username("ada") is None
    assert queries.list_accounts() == []
    with pytest.raises(queries.UnknownAccount):
        queries.get(ada.id)
    left = queries.find(ada.id)
    assert (left.claims, left.password_hash, left.epoch) == ({}, None, 1)
    assert "ada" not in left.username.split("-")
    with transaction():
        assert register.add("ada", None).sub != ada.sub


def test_claims_are_replaced_wholly_or_not_at_all(ada):
    with pytest.raises(InvalidClaims), transaction():
        change.set_claims(ada, {"email": "ada@example.org", "locale": 5})
    assert queries.find_by_username("ada").claims == {"name": "Ada"}

    with transaction():
        change.set_claims(ada, {"email": "ada@example.org"})

    assert queries.find_by_username("ada").claims == {"email": "ada@example.org"}
