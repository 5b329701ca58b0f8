"""Consequences of an operator's change to a person: sessions and grants end, and the audit records it."""

import pytest
from sqlalchemy import select

from provider.administration import accounts
from provider.audit.models import AuditEvent
from provider.infrastructure.database import db, transaction
from tests.factories import make_account, make_client, make_session

pytestmark = pytest.mark.usefixtures("app")


def tags_of(account) -> set[str]:
    return set(db.session.scalars(select(AuditEvent.tag).where(AuditEvent.account_id == account.id)))


@pytest.mark.parametrize(
    ("act", "reason", "tag"),
    [
        pytest.param(accounts.disable, "account_disabled", "account_disabled", id="disable"),
        pytest.param(accounts.delete, "account_deleted", "account_deleted", id="delete"),
        pytest.param(
            lambda ada: accounts.reset_password(ada, "a wholly other phrase"),
            "password_reset",
            "password_reset",
            id="reset the password",
        ),
    ],
)
def test_what_bars_a_person_ends_all_they_had_in_the_same_transaction(act, reason, tag):
    ada = make_account("ada")
    make_session(ada, [make_client("red")], offline=("red",))

    with transaction():
        outcome = act(ada)

    assert outcome.logout.reason == reason
    assert (outcome.logout.sessions_ended, outcome.logout.grants_revoked) == (1, 1)
    assert tags_of(ada) >= {"logout", tag}


@pytest.mark.parametrize("act", [accounts.enable, lambda ada: accounts.rename(ada, "ada")])
def test_an_act_that_would_change_nothing_is_refused_and_not_recorded(act):
    ada = make_account("ada")

    with pytest.raises(accounts.NothingToChange), transaction():
        act(ada)

    assert tags_of(ada) == set()


def test_a_renamed_person_stays_signed_in():
    ada = make_account("ada")
    made = make_session(ada)

    with transaction():
        accounts.rename(ada, "ada.lovelace")

    db.session.refresh(made.session)
    assert made.session.ended_at is None
    assert "account_updated" in tags_of(ada)
