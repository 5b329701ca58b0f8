"""`curfew check`: a database in which all is well, and one broken in each of the ways that it knows."""

from datetime import timedelta

import pytest
from sqlalchemy import create_engine, select, text, update

from provider.audit import chain
from provider.delivery.models import BreakerState, Delivery, EndpointHealth
from provider.infrastructure import clock
from provider.infrastructure.database import db, transaction
from provider.infrastructure.opaque_tokens import new_id
from provider.inspection import check as checking
from provider.inspection import invariants
from provider.logout.end_client_session import end_client_session
from provider.logout.end_session import end
from provider.logout.everywhere import end_everywhere
from provider.logout.models import LogoutReason
from provider.logout.notice import BACKCHANNEL_LOGOUT
from provider.logout.steps import Cause
from provider.sessions.models import Session
from provider.tokens.models import AccessToken, RefreshToken
from tests.cli.breaks import AGES, BREAKS, accept_unasked
from tests.factories import make_account, make_client, make_session

BY_ADA = Cause(reason=LogoutReason.USER, initiator="account")


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
            end_client_session(shared.client_sessions["red"], BY_ADA)
        with transaction():
            end_everywhere(ben, BY_ADA)
        for made in (ended, bens):
            give_tokens(made)
        with transaction():
            chain.seal()


def give_tokens(made):
    """An access token and a refresh token at each app of a session, as they are left over from before."""
    now = clock.now()
    for client_id, client_session in made.client_sessions.items():
        grant = made.grants[client_id]
        shared = {
            "client_id": client_session.client_id,
            "grant_id": grant.id,
            "client_session_id": client_session.id,
            "scope": "openid",
            "created_at": now,
            "expires_at": now + timedelta(hours=1),
        }
        with transaction():
            db.session.add(
                AccessToken(
                    id=new_id(),
                    digest=f"a-{client_session.sid}"[:64],
                    client_epoch=0,
                    provider_epoch=0,
                    **shared,
                )
            )
            db.session.add(
                RefreshToken(
                    id=new_id(),
                    digest=f"r-{client_session.sid}"[:64],
                    family_id=new_id(),
                    auth_time=now,
                    **shared,
                )
            )


def wrong_in(output):
    return {one["name"]: one["wrong"] for one in output.json["checks"] if one["wrong"]}


def test_nothing_is_wrong_where_everything_was_ended_properly(curfew, story):
    output = curfew("check", "--json")

    assert output.json["wrong"] == 0
    examined = {one["name"]: one["examined"] for one in output.json["checks"]}
    assert examined["half_ended_session"] == 4
    assert examined["half_ended_client_session"] == 7
    assert examined["logout_without_audit_entry"] == 3
    assert examined["delivery_past_its_deadline"] == 5
    assert examined["live_access_token_of_what_has_ended"] == 4
    assert examined["audit_chain"] > 3
    assert "No problems found." in curfew("check", "--whole-audit").out


def test_an_empty_database_is_in_order(curfew, looking):
    with looking():
        pass
    assert curfew("check", "--json").json["wrong"] == 0


@pytest.mark.parametrize(("break_it", "names"), BREAKS)
def test_what_must_not_be_is_found(curfew, looking, story, break_it, names):
    with looking(), transaction():
        break_it()

    output = curfew("check", "--json", code=1)

    assert names <= set(wrong_in(output))
    assert output.json["wrong"] == sum(wrong_in(output).values())


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
    assert "its last attempt has no 2xx response" in said
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
