"""The ways in which a database can be at odds with itself, and the invariants that find each."""

from datetime import timedelta

import pytest
from sqlalchemy import delete, select, text, update

from provider.audit.models import AuditEvent
from provider.clients.models import Client
from provider.delivery.models import Delivery, DeliveryState
from provider.grants.models import Grant
from provider.infrastructure import clock
from provider.infrastructure.database import db
from provider.logout.models import Logout
from provider.sessions.models import ClientSession, Session
from provider.tokens.models import AccessToken, RefreshToken

AGES = timedelta(days=10)


def of_red():
    return select(Client.id).where(Client.client_id == "red").scalar_subquery()


def revive_all():
    """Revive ended rows consistently, as a restored backup or a slip by hand could."""
    db.session.execute(update(Session).values(ended_at=None))
    db.session.execute(update(ClientSession).where(ClientSession.client_id == of_red()).values(ended_at=None))
    db.session.execute(text("UPDATE account SET epoch = 0"))
    db.session.execute(update(Session).values(account_epoch=0))
    db.session.execute(update(Grant).values(account_epoch=0))
    db.session.execute(update(Grant).where(Grant.client_id == of_red()).values(revoked_at=None))


def free_tokens_of_their_session():
    """Green holds an offline grant of Ada's, and tokens that were not asked for with offline_access."""
    for table in (AccessToken, RefreshToken):
        assert db.session.execute(update(table).values(offline=True)).rowcount == 4


def lose_a_delivery():
    one = select(Delivery.id).where(Delivery.recipient_id == of_red()).limit(1).scalar_subquery()
    db.session.execute(delete(Delivery).where(Delivery.id == one))


def give_pending(**values):
    """Write into one delivery; spans are counted from now."""

    def give():
        now = clock.now()
        written = {n: now + value if isinstance(value, timedelta) else value for n, value in values.items()}
        one = select(Delivery.id).limit(1).scalar_subquery()
        db.session.execute(update(Delivery).where(Delivery.id == one).values(**written))

    return give


def accept_unasked():
    give_pending(state=DeliveryState.ACCEPTED.value, finished_at=-AGES, attempt_count=1)()


def change_an_entry():
    one = select(AuditEvent.id).where(AuditEvent.tag == "logout").limit(1).scalar_subquery()
    db.session.execute(update(AuditEvent).where(AuditEvent.id == one).values(ip="203.0.113.9"))


def lose_an_entry():
    # One with others before and after it in the chain; of the last one only an anchor outside would tell.
    logouts = select(AuditEvent.id).where(AuditEvent.tag == "logout").order_by(AuditEvent.seq)
    one = db.session.scalars(logouts).all()[1]
    db.session.execute(delete(AuditEvent).where(AuditEvent.id == one))


def set_(table, **values):
    """Write into what ended with Ada's browser session: itself, its client session at red, or its grant."""

    def change():
        of_browser = select(Logout.id).where(Logout.scope == "browser").scalar_subquery()
        theirs = [table.logout_id == of_browser]
        if table is not Session:
            theirs.append(table.client_id == of_red())
        assert db.session.execute(update(table).where(*theirs).values(**values)).rowcount == 1

    return change


BREAKS = [
    pytest.param(set_(Session, ended_at=None), {"half_ended_session"}, id="a session lives again"),
    pytest.param(set_(Session, logout_id=None), {"half_ended_session"}, id="a session ended for no reason"),
    pytest.param(
        set_(ClientSession, ended_at=None),
        {
            "half_ended_client_session",
            "live_client_session_of_ended_session",
            "live_client_session_of_revoked_grant",
        },
        id="a client session lives again",
    ),
    pytest.param(
        set_(Grant, revoked_at=None),
        {"half_revoked_grant", "grant_that_outlived_its_session"},
        id="a grant lives again",
    ),
    pytest.param(
        revive_all,
        {"live_access_token_of_what_has_ended", "live_refresh_token_of_what_has_ended", "half_revoked_grant"},
        id="all of red lives again, tokens included",
    ),
    pytest.param(
        free_tokens_of_their_session,
        {"live_access_token_of_what_has_ended", "live_refresh_token_of_what_has_ended"},
        id="tokens without offline_access live on by the offline grant beside them",
    ),
    pytest.param(
        lose_a_delivery,
        {"logout_without_its_deliveries", "ended_client_session_not_notified"},
        id="a delivery is lost",
    ),
    pytest.param(lose_an_entry, {"logout_without_audit_entry", "audit_chain"}, id="an audit entry is lost"),
    pytest.param(change_an_entry, {"audit_chain"}, id="an audit entry was changed"),
    pytest.param(
        give_pending(expires_at=-AGES),
        {"delivery_past_its_deadline"},
        id="a delivery is past its deadline",
    ),
    pytest.param(
        give_pending(lease_token="x", leased_until=AGES),
        {"delivery_leased_too_long"},
        id="a lease that never ends",
    ),
    pytest.param(
        give_pending(lease_token="x", leased_until=-AGES),
        {"delivery_leased_too_long"},
        id="a lease that no worker took over",
    ),
    pytest.param(
        give_pending(state="cancelled", finished_at=-AGES),
        {"cancelled_without_a_reason"},
        id="a delivery that was cancelled for no reason",
    ),
    pytest.param(
        give_pending(finished_at=-AGES),
        {"delivery_at_odds_with_its_state"},
        id="a pending delivery that is finished",
    ),
    pytest.param(accept_unasked, {"accepted_without_an_attempt"}, id="accepted without having been sent"),
]
