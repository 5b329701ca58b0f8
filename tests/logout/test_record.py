"""The record of a logout: its row, the audit entry, the line in the log and the metrics say the same."""

import logging
from uuid import uuid4

import pytest
from sqlalchemy import select

from provider.audit.models import AuditEvent
from provider.delivery.models import Delivery
from provider.infrastructure import acting, event_log, metrics
from provider.infrastructure.acting import Operator
from provider.infrastructure.database import db, transaction
from provider.infrastructure.opaque_tokens import digest_of
from provider.logout import notice
from provider.logout.end_client_session import end_client_session
from provider.logout.end_session import end
from provider.logout.everywhere import end_everywhere
from provider.logout.models import Logout, LogoutReason
from provider.logout.steps import Cause
from tests.factories import make_session
from tests.support.reads import end_read

pytestmark = pytest.mark.usefixtures("turned_clock")

CLEO = Operator("cleo", "cleo@desk, pts/3")


@pytest.fixture
def made(ada, clients):
    """A session at three apps; green has an offline grant, and mute cannot be notified."""
    return make_session(ada, clients, offline=("green",))


def row_of(outcome) -> Logout:
    end_read()
    return db.session.get_one(Logout, outcome.logout.id, populate_existing=True)


def audited() -> AuditEvent:
    return db.session.scalars(select(AuditEvent).where(AuditEvent.tag == "logout")).one()


def test_the_row_says_who_why_and_what(made, clients, turned_clock):
    asked_in, bulk = uuid4(), uuid4()
    cause = Cause(
        reason=LogoutReason.RP_INITIATED,
        initiator="client",
        client=clients[0],
        ip="192.0.2.7",
        asked_in=asked_in,
        bulk_logout_id=bulk,
    )
    with event_log.correlated("one click"), transaction():
        outcome = end(made.session, cause)

    row = row_of(outcome)
    assert (row.at, row.reason, row.scope) == (turned_clock(), "rp_initiated", "browser")
    assert (row.account_id, row.initiator, row.initiator_client_id) == (
        made.session.account_id,
        "client",
        "red",
    )
    assert (row.actor_name, row.actor_origin) == (None, "192.0.2.7")
    assert (row.asked_in_session_id, row.bulk_logout_id, row.correlation_id) == (asked_in, bulk, "one click")
    assert row.result_digest == digest_of(outcome.result_handle)
    assert (row.sessions_ended, row.client_sessions_ended) == (1, 3)
    assert (row.grants_revoked, row.grants_surviving, row.notifications) == (2, 1, 2)
    assert (outcome.notifications, outcome.apps_to_notify) == (2, 2)
    assert outcome.clients_to_notify == {client.id for client in clients[:2]}


def test_the_audit_entry_says_the_same(made, clients):
    cause = Cause(reason=LogoutReason.RP_INITIATED, initiator="client", client=clients[0], ip="192.0.2.7")
    with transaction():
        outcome = end(made.session, cause)

    entry, row = audited(), row_of(outcome)
    assert (entry.actor, entry.actor_name, entry.client_id, entry.ip) == ("client", None, "red", "192.0.2.7")
    assert (entry.account_id, entry.session_id) == (made.session.account_id, made.session.id)
    assert entry.logout_id == row.id
    assert entry.detail == {
        "reason": "rp_initiated",
        "scope": "browser",
        "sessions_ended": 1,
        "client_sessions_ended": 3,
        "grants_revoked": 2,
        "grants_surviving": 1,
        "apps_to_notify": 2,
        "notifications": 2,
    }


def test_each_delivery_names_the_session_the_person_and_the_share(made, clients):
    with transaction():
        outcome = end(made.session, Cause(reason=LogoutReason.USER, initiator="account"))

    owed = {one.recipient_id: one for one in db.session.scalars(select(Delivery))}
    assert owed.keys() == {client.id for client in clients[:2]}
    for client in clients[:2]:
        one, client_session, grant = (
            owed[client.id],
            made.client_sessions[client.client_id],
            made.grants[client.client_id],
        )
        assert (one.cause_id, one.kind) == (outcome.logout.id, "backchannel_logout")
        assert one.subject_key == f"sid:{client_session.id}"
        original = notice.of(one)
        assert original is not None
        assert (original.session_id, original.account_id) == (made.session.id, made.session.account_id)
        assert (original.sub, original.sid) == (grant.sub, client_session.sid)


def test_the_log_and_the_metrics_say_the_same(ada, made, caplog):
    caplog.set_level(logging.INFO, "curfew")
    counted = metrics.LOGOUTS.labels("admin", "app")
    before = counted._value.get()

    with acting.acting_as(CLEO), transaction():
        outcome = end_client_session(
            made.client_sessions["red"], Cause(reason=LogoutReason.ADMIN, initiator="admin")
        )
    with acting.acting_as(CLEO), transaction():
        end_everywhere(ada, Cause(reason=LogoutReason.ADMIN, initiator="admin"))

    app, everywhere = (one.fields for one in caplog.records if one.message == "logout")
    assert app == {
        "logout_id": outcome.logout.id,
        "reason": "admin",
        "scope": "app",
        "account_id": ada.id,
        "initiator": "admin",
        "actor_name": "cleo",
        "initiator_client_id": None,
        "sessions_ended": 0,
        "grants_revoked": 1,
        "grants_surviving": 0,
        "apps_to_notify": 1,
        "notifications": 1,
    }
    assert (everywhere["sessions_ended"], everywhere["grants_revoked"], everywhere["apps_to_notify"]) == (
        1,
        2,
        1,
    )
    assert counted._value.get() == before + 1


def test_the_log_names_the_client_that_asked_for_it(made, clients, caplog):
    caplog.set_level(logging.INFO, "curfew")
    with transaction():
        end(made.session, Cause(reason=LogoutReason.RP_INITIATED, initiator="client", client=clients[0]))

    [fields] = (one.fields for one in caplog.records if one.message == "logout")
    assert (fields["initiator"], fields["initiator_client_id"]) == ("client", "red")


def test_an_operator_is_named_and_keeps_the_origin(made):
    with acting.acting_as(CLEO), transaction():
        outcome = end_client_session(
            made.client_sessions["red"], Cause(reason=LogoutReason.ADMIN, initiator="admin")
        )

    row, entry = row_of(outcome), audited()
    assert (row.actor_name, row.actor_origin) == ("cleo", "cleo@desk, pts/3")
    assert (entry.actor_name, entry.actor_origin) == ("cleo", "cleo@desk, pts/3")
    assert entry.session_id == made.session.id


def test_an_operator_who_only_runs_the_command_is_not_named_for_others(made):
    with acting.acting_as(CLEO), transaction():
        outcome = end(made.session, Cause(reason=LogoutReason.USER, initiator="account"))

    row = row_of(outcome)
    assert (row.actor_name, row.actor_origin, row.correlation_id) == (None, None, None)
