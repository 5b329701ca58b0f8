"""Codes and refresh tokens when many ask at once (RACE-01 to RACE-06)."""

from datetime import timedelta

from sqlalchemy import func, select, update

from provider.infrastructure import clock
from provider.infrastructure.database import change, db, transaction
from provider.logout.end_session import end
from provider.logout.everywhere import end_everywhere
from provider.logout.models import LogoutReason
from provider.logout.steps import Cause
from provider.sessions.models import ClientSession, Session
from provider.tokens.models import RefreshToken
from tests.factories import make_session
from tests.races.at_once import AT_ONCE, ON_POSTGRESQL, ROUNDS, at_once
from tests.races.conftest import owed_for
from tests.support.browsers import query_of, show_session
from tests.support.reads import end_read
from tests.support.relying_party import RelyingParty

pytestmark = ON_POSTGRESQL
BY_ADA = Cause(reason=LogoutReason.USER, initiator="account")


def living_refresh_tokens() -> int:
    end_read()
    alive = (RefreshToken.rotated_at.is_(None), RefreshToken.revoked_at.is_(None))
    return db.session.scalar(select(func.count()).select_from(RefreshToken).where(*alive)) or 0


def test_race_01_one_code_many_callers(signed_in, rp):
    """One exchange succeeds; the others are reuse, and by SEC-1012 its tokens are dead afterwards."""
    for _ in range(ROUNDS):
        code = rp.code(signed_in)

        responses = at_once(*[lambda code=code: rp.exchange(code)] * AT_ONCE)

        good = [response.json for response in responses if response.status_code == 200]
        assert sorted(response.status_code for response in responses) == [200] + [400] * (AT_ONCE - 1)
        assert not rp.introspect(good[0]["access_token"])["active"]
        assert living_refresh_tokens() == 0


def test_race_02_one_refresh_token_many_honest_callers(signed_in, rp):
    """THR-25: all get the same successor, and there is one living child."""
    refresh_token = rp.sign_in(signed_in)["refresh_token"]
    for _ in range(ROUNDS):
        responses = at_once(*[lambda token=refresh_token: rp.refresh(token)] * AT_ONCE)

        assert {response.status_code for response in responses} == {200}
        (refresh_token,) = {response.json["refresh_token"] for response in responses}
        assert living_refresh_tokens() == 1


def test_race_02_one_refresh_token_of_a_public_client(app, http, ada):
    """Without a reuse interval one succeeds, the others raise the alarm, and nothing lives on."""
    blue = RelyingParty(app, "blue", public=True, id_token_signed_response_alg="ES256")
    for _ in range(ROUNDS // 2):
        show_session(http, make_session(ada))
        tokens = blue.sign_in(http)

        responses = at_once(*[lambda token=tokens["refresh_token"]: blue.refresh(token)] * AT_ONCE)

        good = [response.json for response in responses if response.status_code == 200]
        assert len(good) == 1
        assert blue.userinfo(good[0]["access_token"]).status_code == 401
        assert blue.refresh(good[0]["refresh_token"]).status_code == 400


def test_race_03_refresh_and_revoke(signed_in, rp):
    """Whatever comes first, after the revocation's response nothing of the family lives (INV-04)."""
    for _ in range(ROUNDS):
        tokens = rp.sign_in(signed_in)

        refreshed, revoked = at_once(
            lambda token=tokens["refresh_token"]: rp.refresh(token),
            lambda token=tokens["refresh_token"]: rp.revoke(token),
        )

        assert revoked.status_code == 200
        assert refreshed.status_code in (200, 400)
        assert living_refresh_tokens() == 0
        if refreshed.status_code == 200:
            assert not rp.introspect(refreshed.json["access_token"])["active"]


def test_race_04_refresh_and_end_session_and_everywhere(rp, ada, begin, do):
    """Whatever comes first, nothing is left, and red is notified once of its sid (INV-04)."""
    for _ in range(ROUNDS):
        made, browser = begin()
        tokens = rp.sign_in(browser)

        refreshed, *_ended = at_once(
            lambda token=tokens["refresh_token"]: rp.refresh(token),
            do(end, made.session, BY_ADA),
            do(end_everywhere, ada, BY_ADA),
        )

        assert refreshed.status_code in (200, 400)
        if refreshed.status_code == 200:
            assert not rp.introspect(refreshed.json["access_token"])["active"]
            assert rp.refresh(refreshed.json["refresh_token"]).status_code == 400
        assert owed_for(made.session.id) == {rp.client.id: 1}


def test_race_05_exchange_and_end_session(rp, begin, do):
    for _ in range(ROUNDS):
        made, browser = begin()
        code = rp.code(browser)

        exchanged, _ended = at_once(lambda code=code: rp.exchange(code), do(end, made.session, BY_ADA))

        assert exchanged.status_code in (200, 400)
        if exchanged.status_code == 200:
            assert not rp.introspect(exchanged.json["access_token"])["active"]


def test_race_06_sign_on_and_end_session(rp, green, begin, do):
    """Either the code came first and is revoked, with a notification for its app, or she has to sign in."""
    for _ in range(ROUNDS):
        made, browser = begin(green)

        response, _ended = at_once(
            lambda browser=browser: rp.authorize(browser), do(end, made.session, BY_ADA)
        )

        owed = owed_for(made.session.id)
        if "code=" in response.headers["Location"]:
            assert rp.exchange(query_of(response)["code"]).status_code == 400
            assert owed == {green.client.id: 1, rp.client.id: 1}
            mine = select(func.count()).where(
                ClientSession.session_id == made.session.id, ClientSession.ended_at.is_(None)
            )
            assert db.session.scalar(mine) == 0
        else:
            assert "/sign-in/" in response.headers["Location"]
            assert owed == {green.client.id: 1}


def test_two_tabs_share_one_session_and_one_grant(app, browser, rp, ada):
    for _ in range(ROUNDS // 2):
        made = make_session(ada)
        tabs = [show_session(browser(), made) for _ in range(AT_ONCE)]

        responses = at_once(*[lambda tab=tab: rp.authorize(tab) for tab in tabs])

        codes = [query_of(response)["code"] for response in responses]
        assert {rp.exchange(code).status_code for code in codes} == {200}
        end_read()
        mine = select(func.count()).where(ClientSession.session_id == made.session.id)
        assert db.session.scalar(mine) == 1


def test_a_refresh_that_counts_as_use_and_a_sign_out_do_not_wait_for_each_other(begin, rp, do):
    """The refresh holds the grant and wants the session, the sign-out the other way round."""
    for _ in range(ROUNDS):
        made, browser = begin()
        tokens = rp.sign_in(browser)
        with transaction():
            seen = clock.now() - timedelta(minutes=10)
            assert change(update(Session).where(Session.id == made.session.id).values(last_seen_at=seen)) == 1

        response, outcome = at_once(
            lambda token=tokens["refresh_token"]: rp.refresh(token), do(end, made.session, BY_ADA)
        )

        assert response.status_code in (200, 400)
        assert outcome is not None
        for held in (tokens, response.json if response.status_code == 200 else tokens):
            assert not rp.introspect(held["access_token"])["active"]
            assert rp.refresh(held["refresh_token"]).status_code == 400
