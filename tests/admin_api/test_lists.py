"""Lists cost the same number of statements however long they are, and are served by indexes."""

import pytest
from sqlalchemy import event, text

from provider.accounts import queries as accounts
from provider.accounts.roles import Role
from provider.administration import sessions
from provider.audit import queries as audit
from provider.audit.tags import EventTag
from provider.clients import queries as clients
from provider.grants import queries as grants
from provider.infrastructure import clock
from provider.infrastructure.database import db, transaction
from provider.infrastructure.opaque_tokens import new_id
from provider.logout.detail import Filter, list_logouts
from provider.sessions import queries as session_queries
from tests.factories import make_account, make_client, make_session
from tests.support.reads import end_read

LISTS = ["clients", "people", "sessions", "grants", "deliveries", "logouts", "audit-events"]


def fill(number: int) -> None:
    """A person with a session at an app of their own, and one that has ended there."""
    account, client = make_account(f"ada{number}"), make_client(f"app{number}")
    make_session(account, [client])
    ended = make_session(account, [client])
    with transaction():
        sessions.end(ended.session.id)


@pytest.mark.parametrize("path", LISTS)
def test_a_longer_list_costs_no_more_statements(admin, statements, path):
    fill(0)
    admin.get(f"/{path}")
    with statements() as of_few:
        few = admin.get(f"/{path}")["items"]
    for number in range(1, 6):
        fill(number)

    with statements() as of_many:
        many = admin.get(f"/{path}")["items"]

    assert len(many) > len(few) + 4
    assert len(of_many) == len(of_few), "\n".join(of_many)


QUESTIONS = [
    pytest.param(
        lambda: accounts.search(accounts.Filter(prefix="ada")),
        "ix_account_folded_username_prefix",
        False,
        id="prefix",
    ),
    pytest.param(
        lambda: accounts.search(accounts.Filter(email="ada@example.test")),
        "ix_account_folded_email",
        False,
        id="people by e-mail address",
    ),
    pytest.param(
        lambda: accounts.search(accounts.Filter(role=Role.OPERATOR)),
        "ix_account_role",
        False,
        id="people by role",
    ),
    pytest.param(
        lambda: session_queries.list_of_client(clients.get_by_client_id("tool").id, limit=2),
        "ix_client_session_client_id_living",
        True,
        id="sessions of a client",
    ),
    pytest.param(
        lambda: grants.list_grants(grants.Wanted(client_pk=new_id(), offline=True), limit=2),
        "ix_grant_client_id_offline",
        True,
        id="offline grants of a client",
    ),
    pytest.param(
        lambda: accounts.search(accounts.Filter(enabled=False), limit=2),
        "ix_account_disabled",
        False,
        id="disabled people",
    ),
    pytest.param(
        lambda: list_logouts(Filter(reason="admin"), 2),
        "ix_logout_reason_at",
        False,
        id="logouts by reason",
    ),
    pytest.param(
        lambda: list_logouts(Filter(actor_name="cleo"), 2),
        "ix_logout_actor_name_at",
        False,
        id="logouts of an operator",
    ),
    pytest.param(
        lambda: audit.list_events(audit.Filter(client_id="red"), limit=2),
        "ix_audit_event_client_id_at",
        False,
        id="audit of a client",
    ),
    pytest.param(
        lambda: audit.list_events(audit.Filter(tags=(EventTag.CLIENT_ADDED,)), limit=2),
        "ix_audit_event_tag_at",
        False,
        id="audit by event",
    ),
    pytest.param(
        lambda: audit.list_events(audit.Filter(actor_name="cleo"), limit=2),
        "ix_audit_event_actor_name_at",
        False,
        id="audit of an operator",
    ),
    pytest.param(
        lambda: audit.list_following(
            [EventTag.LOGOUT, EventTag.DELIVERY_ACCEPTED], after=None, until=clock.now(), limit=2
        ),
        "ix_audit_event_at_id",
        True,
        id="feed",
    ),
]


# As if each page held a million rows: what is known of so few depends on when they were last counted.
_AS_IF_LARGE = text(
    "UPDATE pg_class SET reltuples = 1000000, relpages = 1 "
    "WHERE relkind IN ('r', 'i') AND relnamespace = 'public'::regnamespace"
)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize(("ask", "index", "in_order"), QUESTIONS)
def test_an_index_serves_a_list(admin, ask, index, in_order):
    """A table of a few rows is read as a whole, so that is ruled out.

    `in_order` rules out sorting too. Otherwise no index is read in its order, or any would do for a few rows.
    """
    asked = []

    def note(_connection, _cursor, statement, parameters, *_rest) -> None:
        asked.append((statement, parameters))

    end_read()
    event.listen(db.engine, "before_cursor_execute", note)
    try:
        ask()
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    statement, parameters = asked[-1]
    with db.engine.connect() as connection:
        connection.execute(text("ANALYZE"))
        connection.execute(_AS_IF_LARGE)
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        connection.execute(text(f"SET LOCAL {'enable_sort' if in_order else 'enable_indexscan'} = off"))
        cursor = connection.connection.cursor()
        cursor.execute(f"EXPLAIN {statement}", parameters)
        plan = "\n".join(row[0] for row in cursor.fetchall())
        connection.rollback()

    assert index in plan, plan
