"""Sign out everywhere against whatever goes on at the same time. Real threads, on PostgreSQL."""

import pytest
from sqlalchemy import func, select

from provider.infrastructure.database import db, transaction
from provider.logout.end_session import end
from provider.logout.models import Logout, LogoutReason, LogoutScope
from provider.logout.notice import SID
from provider.logout.steps import Cause
from provider.sessions.models import Session
from tests.api.test_everywhere import native
from tests.factories import make_session
from tests.races.at_once import ON_POSTGRESQL, ROUNDS, at_once
from tests.support.browsers import query_of, show_session
from tests.support.reads import end_read

pytestmark = [ON_POSTGRESQL, pytest.mark.lengthy]
BY_ADA = Cause(reason=LogoutReason.USER, initiator="account")


def everywheres() -> int:
    end_read()
    return db.session.scalar(select(func.count()).where(Logout.scope == LogoutScope.EVERYWHERE)) or 0


def notified_twice() -> int:
    """Count the sids that were notified more than once."""
    end_read()
    twice = select(SID).group_by(SID).having(func.count() > 1)
    return db.session.scalar(select(func.count()).select_from(twice.subquery())) or 0


def session_of(account):
    """A session, made with the account's epoch of now, which other threads move on."""
    db.session.refresh(account)
    end_read()
    return make_session(account)


@pytest.fixture
def end_session(app):
    """Ends a session from any thread."""

    def act(session_id) -> None:
        with app.app_context(), transaction():
            end(db.session.get_one(Session, session_id), BY_ADA)

    return act


def test_race_04_refresh_and_end_session_and_sign_out_everywhere(rp, browser, ada, end_session):
    """Nothing is live afterwards, no request failed, and each sid was notified once (INV-04)."""
    for _ in range(ROUNDS):
        made = session_of(ada)
        tokens = rp.sign_in_to_account(show_session(browser(), made))
        access, refresh = tokens["access_token"], tokens["refresh_token"]

        refreshed, _ended, everywhere = at_once(
            lambda token=refresh: rp.refresh(token),
            lambda session_id=made.session.id: end_session(session_id),
            lambda token=access: rp.sign_out_everywhere(token),
        )

        # The session's end may have come first; then the token was dead before it proved anything.
        assert everywhere.status_code in (200, 401)
        assert refreshed.status_code in (200, 400)
        if refreshed.status_code == 200:
            assert not rp.introspect(refreshed.json["access_token"])["active"]
            assert rp.refresh(refreshed.json["refresh_token"]).status_code == 400
        assert not rp.introspect(access)["active"]
        assert notified_twice() == 0


def test_refresh_and_sign_out_everywhere(rp, ada, signs_in):
    for _ in range(ROUNDS):
        tokens = signs_in(ada)

        refreshed, everywhere = at_once(
            lambda token=tokens["refresh_token"]: rp.refresh(token),
            lambda token=tokens["access_token"]: rp.sign_out_everywhere(token),
        )

        assert everywhere.status_code == 200
        if refreshed.status_code == 200:
            assert not rp.introspect(refreshed.json["access_token"])["active"]
            assert rp.refresh(refreshed.json["refresh_token"]).status_code == 400


def test_many_at_once_end_it_once_and_get_the_same_response(rp, ada, signs_in):
    for number in range(1, ROUNDS // 2 + 1):
        tokens = signs_in(ada)

        responses = at_once(
            *[lambda token=tokens["access_token"]: rp.sign_out_everywhere(token)] * 3,
            *[lambda token=tokens["refresh_token"]: rp.sign_out_by_refresh_token(token)] * 2,
        )

        assert {response.status_code for response in responses} == {200}
        assert len({response.json["logout_id"] for response in responses}) == 1
        assert everywheres() == number


def test_sign_on_and_sign_out_everywhere(rp, browser, ada):
    """RACE-06: a code that was issued meanwhile dies, or there is none."""
    for _ in range(ROUNDS):
        tab = show_session(browser(), session_of(ada))
        token = rp.sign_in_to_account(tab)["access_token"]

        response, everywhere = at_once(
            lambda tab=tab: rp.authorize(tab), lambda token=token: rp.sign_out_everywhere(token)
        )

        assert everywhere.status_code == 200
        if "code=" in response.headers["Location"]:
            assert rp.exchange(query_of(response)["code"]).status_code == 400


def test_a_replayed_token_and_sign_out_everywhere(rp, ada, browser, app):
    """They lock in different orders; a transaction that the database aborts is tried again."""
    phone = native(app)
    phone.client.first_party = True
    for _ in range(ROUNDS):
        tab = show_session(browser(), session_of(ada))
        tokens = phone.sign_in_to_account(tab)
        phone.refresh(tokens["refresh_token"])

        replayed, everywhere = at_once(
            lambda token=tokens["refresh_token"]: phone.refresh(token),
            lambda token=tokens["access_token"]: phone.sign_out_everywhere(token),
        )

        assert replayed.status_code == 400
        assert everywhere.status_code in (200, 401)
        assert notified_twice() == 0
