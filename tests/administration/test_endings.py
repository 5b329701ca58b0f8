"""Sessions, grants and service tokens that an operator ends: once each, and in the audit."""

import pytest
from sqlalchemy import select

from provider.administration import grants, service_tokens, sessions
from provider.audit.models import AuditEvent
from provider.clients.queries import UnknownClient
from provider.infrastructure.database import db, transaction
from provider.infrastructure.opaque_tokens import new_id
from provider.tokens.service import UnknownToken
from tests.factories import make_account, make_client, make_session


@pytest.fixture
def ada(app):
    return make_account("ada")


def tags() -> list[str]:
    return list(db.session.scalars(select(AuditEvent.tag)))


def test_a_session_ends_once(ada):
    made = make_session(ada, [make_client("red")])

    with transaction():
        outcome = sessions.end(made.session.id)

    assert (outcome.logout.reason, outcome.logout.initiator) == ("admin", "admin")
    assert outcome.apps_to_notify == 1
    with pytest.raises(sessions.EndedAlready), transaction():
        sessions.end(made.session.id)


def test_an_unknown_session_is_named(app):
    unknown = new_id()

    with pytest.raises(sessions.UnknownSession, match=str(unknown)), transaction():
        sessions.end(unknown)


def test_a_grant_is_revoked_once(ada):
    red = make_session(ada, [make_client("red")], offline=("red",)).grants["red"]
    grants.check_is_unrevoked(red.id)

    with transaction():
        first = grants.revoke(red.id)
    with transaction():
        second = grants.revoke(red.id)

    assert first.logout.grants_revoked == 1
    assert second is None
    with pytest.raises(grants.RevokedAlready):
        grants.check_is_unrevoked(red.id)


def test_an_app_is_disconnected_with_all_that_it_was_allowed(ada):
    red = make_client("red")
    first, second = (make_session(ada, [red], offline=("red",)).grants["red"] for _ in range(2))

    with transaction():
        outcomes = grants.disconnect(first.id)

    assert len(outcomes) == 2
    # As another command reads them.
    db.session.expire_all()
    with pytest.raises(grants.RevokedAlready):
        grants.check_is_unrevoked(second.id)
    with transaction():
        assert grants.disconnect(second.id) == []


def test_service_tokens_are_revoked_of_known_clients_alone(app):
    make_client("reports")

    with transaction():
        assert service_tokens.revoke_all("reports") == 0
    assert tags() == ["token_revoked"]
    with pytest.raises(UnknownClient), transaction():
        service_tokens.revoke_all("unknown")
    with pytest.raises(UnknownToken), transaction():
        service_tokens.revoke(new_id())
    assert tags() == ["token_revoked"]
