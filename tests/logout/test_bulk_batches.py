"""Many sessions that end in one transaction: the same is written as when each ends alone."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from provider.accounts.models import Account
from provider.audit.models import AuditEvent
from provider.delivery.models import Delivery
from provider.grants.models import Grant
from provider.infrastructure.database import db, transaction
from provider.logout.bulk import begin as bulk
from provider.logout.bulk.batch import end_sessions
from provider.logout.expiry import end_invalid
from provider.logout.models import Logout
from provider.sessions.models import ClientSession, Session
from tests.factories import make_account, make_session
from tests.support.reads import end_read

# Of each row its own.
OWN = {
    "id",
    "logout_id",
    "cause_id",
    "bulk_logout_id",
    "subject_key",
    "about",
    "sub",
    "sid",
    "mac",
    "detail",
} | {
    *("account_id", "session_id", "handle_digest", "grant_id", "result_digest", "correlation_id"),
    *("created_at", "expires_at", "at", "ended_at", "revoked_at", "next_attempt_at", "account_epoch"),
    *("seq", "chain", "authenticated_at", "last_seen_at", "ends_at", "last_used_at", "provider_epoch"),
}


def written(kind, condition) -> list[dict[str, object]]:
    """What the rows of a table say, apart from what each has of its own."""
    rows = db.session.scalars(select(kind).where(condition), execution_options={"populate_existing": True})
    names = [one.key for one in kind.__mapper__.column_attrs if one.key not in OWN]
    said = [{name: getattr(row, name) for name in names} for row in rows]
    return sorted(said, key=str)


@pytest.fixture
def visit(red, green, turned_clock):
    """Makes people with a session that has expired, one at two apps and one at none."""

    def begin(*names: str) -> list[tuple[Account, list[UUID]]]:
        people = [make_account(name) for name in names]
        expired = [make_session(one, [red, green], offline=("red",)).session.id for one in people]
        turned_clock.turn(timedelta(hours=2))
        at_apps = [make_session(one, [red, green], offline=("green",)).session.id for one in people]
        at_none = [make_session(one).session.id for one in people]
        return list(zip(people, map(list, zip(expired, at_apps, at_none, strict=True)), strict=True))

    return begin


def test_what_is_written_is_the_same_as_when_each_ends_alone(visit):
    (alone, one_by_one), (together, at_once) = visit("ada", "ben")
    with transaction():
        bulk.end_everybody("admin")

    for session_id in one_by_one:
        with transaction():
            end_invalid(session_id)
    with transaction():
        ended = end_sessions(at_once)
    end_read()

    assert (ended.passed, ended.sessions, ended.notifications) == (3, 3, 4)
    for kind in (Logout, Delivery, AuditEvent, Grant, Session):
        of_each = [written(kind, kind.account_id == one.id) for one in (alone, together)]
        assert of_each[0] == of_each[1], kind
    assert details(alone) == details(together)
    assert not db.session.scalars(select(ClientSession).where(ClientSession.ended_at.is_(None))).all()


def details(account: Account) -> list[str]:
    """What the audit says of a person's logouts."""
    of = select(AuditEvent.detail).where(AuditEvent.account_id == account.id, AuditEvent.tag == "logout")
    return sorted(map(str, db.session.scalars(of)))


def test_what_has_been_ended_meanwhile_is_passed_and_not_ended_again(visit):
    [(_, session_ids)] = visit("ada")
    with transaction():
        bulk.end_everybody("admin")
    with transaction():
        end_sessions(session_ids[:2])

    with transaction():
        ended = end_sessions(session_ids)

    assert (ended.passed, ended.sessions, ended.notifications) == (3, 1, 0)


def test_any_number_of_sessions_costs_the_same_number_of_statements(app, red, statements):
    made = [make_session(make_account(f"person-{number}"), [red]).session.id for number in range(30)]
    with transaction():
        bulk.end_everybody("admin")

    def count(session_ids: list[UUID]) -> int:
        with statements() as seen, transaction():
            end_sessions(session_ids)
        return len(seen)

    assert count(made[:2]) == count(made[2:]) <= 12
