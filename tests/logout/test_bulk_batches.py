"""Many sessions that end in one transaction: the same is written as when each ends alone."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, text

from provider.accounts.models import Account
from provider.audit.models import AuditEvent
from provider.delivery.models import Delivery
from provider.grants.models import Grant
from provider.infrastructure import clock
from provider.infrastructure.database import db, is_sqlite, transaction
from provider.infrastructure.opaque_tokens import new_id
from provider.logout.bulk import begin as bulk
from provider.logout.bulk.batch import end_client_sessions, end_grants, end_sessions
from provider.logout.end_client_session import end_client_session
from provider.logout.end_grant import end_grant
from provider.logout.expiry import end_invalid
from provider.logout.models import BulkLogout, Logout, LogoutReason
from provider.logout.steps import Cause
from provider.sessions.models import ClientSession, Session
from tests.factories import SignedIn, make_account, make_session
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
    "salt",
    "detail",
} | {
    *("account_id", "session_id", "handle_digest", "grant_id", "result_digest", "correlation_id"),
    *("created_at", "expires_at", "at", "ended_at", "revoked_at", "next_attempt_at", "account_epoch"),
    *("seq", "chain", "authenticated_at", "last_seen_at", "ends_at", "last_used_at", "provider_epoch"),
}


def written(kind, condition) -> list[dict[str, object]]:
    """Return the rows of a table without the columns that are each row's own."""
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

    assert (ended.passed, ended.ended, ended.notifications) == (3, 3, 4)
    for kind in (Logout, Delivery, AuditEvent, Grant, Session):
        of_each = [written(kind, kind.account_id == one.id) for one in (alone, together)]
        assert of_each[0] == of_each[1], kind
    assert details(alone) == details(together)
    assert not db.session.scalars(select(ClientSession).where(ClientSession.ended_at.is_(None))).all()


def details(account: Account) -> list[str]:
    """Return the audit's details of a person's logouts."""
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

    assert (ended.passed, ended.ended, ended.notifications) == (3, 1, 0)


def test_any_number_of_sessions_costs_the_same_number_of_statements(app, red, statements):
    made = [make_session(make_account(f"person-{number}"), [red]).session.id for number in range(30)]
    with transaction():
        bulk.end_everybody("admin")

    def count(session_ids: list[UUID]) -> int:
        with statements() as seen, transaction():
            end_sessions(session_ids)
        return len(seen)

    assert count(made[:2]) == count(made[2:]) <= 12


def admin_of(begun: BulkLogout) -> Cause:
    """The cause that the walk of a bulk logout gives."""
    return Cause(reason=LogoutReason.ADMIN, initiator="admin", in_bulk=True, bulk_logout_id=begun.id)


@pytest.fixture
def people_at_red(red, green):
    """Makes people with client sessions and offline grants at one app, in browsers and on a device."""

    def begin(*names: str) -> list[tuple[Account, list[SignedIn]]]:
        people = [make_account(name) for name in names]
        made: list[list[SignedIn]] = [[] for _ in people]
        for offline in ((), ("red",)):
            for own, one in zip(made, people, strict=True):
                own.append(make_session(one, [red, green], offline=offline))
        for own, one in zip(made, people, strict=True):
            device = make_session(one, [red])
            with transaction():
                device.session.is_device = True
            own.append(device)
        return list(zip(people, made, strict=True))

    return begin


def of_client_sessions(made, cause):
    ids = [one.client_sessions["red"].id for one in made]
    return (
        (lambda row: end_client_session(db.session.get_one(ClientSession, row), cause, revoke_offline=True)),
        (lambda rows: end_client_sessions(rows, cause)),
        ids,
    )


def of_grants(made, cause):
    ids = [one.grants["red"].id for one in made]
    return (lambda row: end_grant(row, cause)), (lambda rows: end_grants(rows, cause, as_of=clock.now())), ids


@pytest.mark.parametrize("kind", [of_client_sessions, of_grants])
def test_apps_and_grants_in_a_batch_leave_the_same_as_alone(people_at_red, red, kind):
    (alone, one_by_one), (together, at_once) = people_at_red("ada", "ben")
    with transaction():
        cause = admin_of(bulk.end_of_client(red, "admin"))
        # Its grant is alone by now.
        for own in (one_by_one, at_once):
            end_client_session(own[1].client_sessions["red"], cause)

    end_alone, _, ids = kind(one_by_one, cause)
    for row in ids:
        with transaction():
            end_alone(row)
    _, end_together, ids = kind(at_once, cause)
    with transaction():
        ended = end_together(ids)
    end_read()

    # A client session that has ended is passed; a grant on its own ends.
    assert (ended.passed, ended.ended, ended.notifications) == (
        (3, 2, 2) if kind is of_client_sessions else (3, 3, 3)
    )
    for of in (Logout, Delivery, AuditEvent, Grant, Session):
        of_each = [written(of, of.account_id == one.id) for one in (alone, together)]
        assert of_each[0] == of_each[1], of
    assert details(alone) == details(together)
    live = db.session.scalars(select(ClientSession).where(ClientSession.ended_at.is_(None))).all()
    assert {one.client_id for one in live} == {at_once[0].client_sessions["green"].client_id}


@pytest.mark.parametrize("kind", [of_client_sessions, of_grants])
def test_any_number_of_apps_costs_the_same_number_of_statements(app, red, statements, kind):
    made = [make_session(make_account(f"person-{number}"), [red]) for number in range(20)]
    with transaction():
        cause = admin_of(bulk.end_of_client(red, "admin"))

    def count(some) -> int:
        _, end_together, ids = kind(some, cause)
        with statements() as seen, transaction():
            end_together(ids)
        return len(seen)

    assert count(made[:2]) == count(made[2:]) <= 10


@pytest.mark.parametrize("kind", [of_client_sessions, of_grants])
def test_a_batch_ends_before_what_another_transaction_has_locked(people_at_red, red, kind):
    if is_sqlite():
        return
    [(_, made)] = people_at_red("ada")
    with transaction():
        cause = admin_of(bulk.end_of_client(red, "admin"))
    _, end_together, ids = kind(made, cause)
    engine = db.engine

    for table, row, passed in (("grant", made[1].grants["red"].id, 1), ("session", made[2].session.id, 2)):
        end_read()
        with engine.connect() as other:
            other.execute(text(f'SELECT 1 FROM "{table}" WHERE id = :row FOR UPDATE'), {"row": row})
            with transaction():
                assert end_together(ids).passed == passed

    with transaction():
        assert end_together(ids).passed == 3


def sessions_named() -> list[UUID | None]:
    """The sessions that the audit names for the logouts, all of which were now."""
    end_read()
    assert set(db.session.scalars(select(Logout.at))) == {clock.now()}
    of_logouts = select(AuditEvent.session_id).where(AuditEvent.tag == "logout")
    return sorted(db.session.scalars(of_logouts), key=str)


def test_the_logout_of_a_session_names_it(visit):
    [(_, session_ids)] = visit("ada")
    with transaction():
        bulk.end_everybody("admin")
        end_sessions(session_ids)

    assert sessions_named() == sorted(session_ids)


@pytest.mark.parametrize("kind", [of_client_sessions, of_grants])
def test_the_logout_of_a_client_session_names_its_session_and_that_of_a_grant_none(
    people_at_red, red, kind, turned_clock
):
    [(_, made)] = people_at_red("ada")
    with transaction():
        _, end_together, ids = kind(made[:2], admin_of(bulk.end_of_client(red, "admin")))
        end_together(ids)

    own = sorted(one.session.id for one in made[:2])
    assert sessions_named() == (own if kind is of_client_sessions else [None, None])


@pytest.mark.parametrize("kind", [of_client_sessions, of_grants])
def test_a_batch_ends_before_a_row_that_is_gone(people_at_red, red, kind):
    [(_, made)] = people_at_red("ada")
    _, end_together, (first, second, _) = kind(made, Cause(reason=LogoutReason.ADMIN, initiator="admin"))

    with transaction():
        assert end_together([first, new_id(), second]).passed == 1


def test_all_of_a_batch_end_at_one_instant_and_each_is_logged(people_at_red, red, caplog):
    [(_, made)] = people_at_red("ada")
    cause = Cause(reason=LogoutReason.ADMIN, initiator="admin", in_bulk=True)
    with transaction():
        end_client_sessions([one.client_sessions["red"].id for one in made], cause)
    with transaction():
        bulk.end_everybody("admin")
        end_sessions([one.session.id for one in made])

    end_read()
    # That of the client sessions, and that of the sessions, of which the device's has ended with its app.
    instants = [db.session.scalars(select(of)).all() for of in (Logout.at, Session.ended_at)]
    assert [(len(those), len(set(those))) for those in instants] == [(5, 2), (3, 2)]
    of_batch = [one.fields for one in caplog.records if one.message == "logout"]
    assert [(one["scope"], one["apps_to_notify"]) for one in of_batch] == 3 * [("app", 1)] + 2 * [
        ("browser", 1)
    ]


def test_a_grant_that_expires_at_the_instant_of_the_logout_is_not_counted(people_at_red, turned_clock):
    [(_, made)] = people_at_red("ada")
    with transaction():
        bulk.end_everybody("admin")
        made[0].grants["red"].expires_at = turned_clock()
    with transaction():
        end_sessions([made[0].session.id])

    end_read()
    # That at green alone.
    assert db.session.scalars(select(Logout.grants_revoked)).one() == 1
