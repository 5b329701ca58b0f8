"""`curfew check`: a database in which all is well, and one broken in each of the ways that it knows."""

from datetime import timedelta

import pytest
from sqlalchemy import create_engine, delete, select, text, update

from provider.audit import chain
from provider.audit.models import AuditEvent
from provider.clients.models import Client
from provider.delivery.models import BreakerState, Delivery, DeliveryState, EndpointHealth
from provider.grants.models import Grant
from provider.infrastructure import clock
from provider.infrastructure.database import db, transaction
from provider.infrastructure.opaque_tokens import new_id
from provider.inspection import check as checking
from provider.inspection import invariants
from provider.logout.end_client_session import end_client_session
from provider.logout.end_session import end
from provider.logout.ending import Cause
from provider.logout.everywhere import end_everywhere
from provider.logout.models import Logout, LogoutReason
from provider.logout.notice import BACKCHANNEL_LOGOUT
from provider.sessions.models import ClientSession, Session
from provider.tokens.models import AccessToken, RefreshToken
from tests.factories import make_account, make_client, make_session

BY_ADA = Cause(reason=LogoutReason.USER, initiator="account")
AGES = timedelta(days=10)


@pytest.fixture
def story(looking):
    """Ada has signed out of red and green; she is still signed in at blue, and Ben has left everywhere."""
    with looking():
        ada, ben = make_account("ada"), make_account("ben")
        red, green, blue = make_client("red"), make_client("green"), make_client("blue")
        ended = make_session(ada, [red, green], offline=("green",))
        make_session(ada, [blue])
        shared = make_session(ada, [red, blue])
        bens = make_session(ben, [red, green], offline=("red",))
        with transaction():
            end(ended.session, BY_ADA)
            end_client_session(shared.shares["red"], BY_ADA)
        with transaction():
            end_everywhere(ben, BY_ADA)
        for made in (ended, bens):
            give_tokens(made)
        with transaction():
            chain.seal()


def give_tokens(made):
    """An access token and a refresh token at each app of a session, as they are left over from before."""
    now = clock.now()
    for client_id, share in made.shares.items():
        grant = made.grants[client_id]
        shared = {
            "client_id": share.client_id,
            "grant_id": grant.id,
            "client_session_id": share.id,
            "scope": "openid",
            "created_at": now,
            "expires_at": now + timedelta(hours=1),
        }
        with transaction():
            db.session.add(
                AccessToken(
                    id=new_id(), digest=f"a-{share.sid}"[:64], client_epoch=0, provider_epoch=0, **shared
                )
            )
            db.session.add(
                RefreshToken(
                    id=new_id(), digest=f"r-{share.sid}"[:64], family_id=new_id(), auth_time=now, **shared
                )
            )


def wrong_in(answer):
    return {one["name"]: one["wrong"] for one in answer.json["checks"] if one["wrong"]}


def test_nothing_is_wrong_where_everything_was_ended_properly(curfew, story):
    answer = curfew("check", "--json")

    assert answer.json["wrong"] == 0
    examined = {one["name"]: one["examined"] for one in answer.json["checks"]}
    assert examined["half_ended_session"] == 4
    assert examined["half_ended_client_session"] == 7
    assert examined["ending_without_audit_entry"] == 3
    assert examined["delivery_past_its_deadline"] == 5
    assert examined["live_access_token_of_what_has_ended"] == 4
    assert examined["audit_chain"] > 3
    assert "No problems found." in curfew("check", "--whole-audit").out


def test_an_empty_database_is_in_order(curfew, looking):
    with looking():
        pass
    assert curfew("check", "--json").json["wrong"] == 0


def ended_session():
    return select(Session.id).where(Session.ended_at.is_not(None)).limit(1).scalar_subquery()


def of_red():
    return select(Client.id).where(Client.client_id == "red").scalar_subquery()


def revive_all():
    """What a restored backup or a slip by hand could do: ended rows that live again, all consistently."""
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
    endings = select(AuditEvent.id).where(AuditEvent.tag == "logout").order_by(AuditEvent.seq)
    one = db.session.scalars(endings).all()[1]
    db.session.execute(delete(AuditEvent).where(AuditEvent.id == one))


def set_(table, **values):
    """Write into what ended with Ada's browser session: that session, red's share of it, or its grant."""

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
        id="a share lives again",
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
        {"ending_without_its_deliveries", "ended_client_session_not_notified"},
        id="a delivery is lost",
    ),
    pytest.param(lose_an_entry, {"ending_without_audit_entry", "audit_chain"}, id="an audit entry is lost"),
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
        id="a lease that nobody took over",
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


@pytest.mark.parametrize(("break_it", "names"), BREAKS)
def test_what_must_not_be_is_found(curfew, looking, story, break_it, names):
    with looking(), transaction():
        break_it()

    answer = curfew("check", "--json", code=1)

    assert names <= set(wrong_in(answer))
    assert answer.json["wrong"] == sum(wrong_in(answer).values())


def test_an_account_is_lost(curfew, looking, story, database_url):
    # Not through our own engine, which would hold the foreign keys.
    engine = create_engine(database_url)
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text("DELETE FROM account WHERE username = 'ben'"))
    engine.dispose()

    assert wrong_in(curfew("check", "--json", code=1))["grant_without_owner"] == 2


def test_every_invariant_is_broken_by_a_test():
    broken = {name for case in BREAKS for name in case.values[1]} | {"grant_without_owner"}

    assert {one.name for one in invariants.INVARIANTS} - broken == set()


def test_people_read_what_is_wrong_and_where(curfew, looking, story):
    with looking(), transaction():
        accept_unasked()
        wrong = db.session.scalars(select(Delivery.id).where(Delivery.state == "accepted")).one()

    said = curfew("check", code=1).out

    assert str(wrong) in said
    assert "its last attempt has no 2xx answer" in said
    assert "1 rows are wrong." in said


def test_what_a_breaker_holds_is_not_forgotten(curfew, looking, story):
    with looking(), transaction():
        row = db.session.scalars(select(Delivery).limit(1)).one()
        row.lease_token, row.leased_until = "x", clock.now() - AGES
        until = clock.now() + timedelta(minutes=15)
        db.session.add(
            EndpointHealth(
                kind=BACKCHANNEL_LOGOUT,
                recipient_id=row.recipient_id,
                state=BreakerState.OPEN,
                open_until=until,
            )
        )

    assert curfew("check", "--json").json["wrong"] == 0


def test_more_rows_than_a_batch_are_all_looked_at(looking, story):
    with looking():
        with transaction():
            db.session.execute(update(Session).values(ended_at=None))
        findings = {one.name: one for one in checking.check(batch=2)}

    assert findings["half_ended_session"].wrong == 2
    assert {one.examined for name, one in findings.items() if "session" in name} >= {4, 7}
