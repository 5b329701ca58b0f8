"""Logouts at the same time: one of them counts, and each app is notified once (RACE-07, 08, 12)."""

from functools import partial

import pytest
from sqlalchemy import func, select, update

from provider.infrastructure import clock
from provider.infrastructure.database import change, db, transaction
from provider.logout.end_client_session import end_client_session
from provider.logout.end_grant import end_grant
from provider.logout.end_session import end
from provider.logout.everywhere import end_everywhere
from provider.logout.expiry import end_invalid
from provider.logout.models import Logout, LogoutReason
from provider.logout.others import end_others
from provider.logout.steps import Cause
from provider.sessions.models import Session
from tests.races.at_once import AT_ONCE, ON_POSTGRESQL, ROUNDS, at_once
from tests.races.conftest import owed_for, twins
from tests.support.browsers import Page, follow
from tests.support.reads import end_read

pytestmark = ON_POSTGRESQL
BY_ADA = Cause(reason=LogoutReason.USER, initiator="account")
BY_CLEO = Cause(reason=LogoutReason.ADMIN, initiator="admin")
WITHDRAWN = Cause(reason=LogoutReason.CONSENT_WITHDRAWN, initiator="account")


def logouts() -> int:
    end_read()
    return db.session.scalar(select(func.count()).select_from(Logout)) or 0


@pytest.mark.parametrize(
    ("pressed", "rounds"),
    [pytest.param(20, 3, id="20 at once"), pytest.param(AT_ONCE, ROUNDS, id="a few, often")],
)
def test_race_07_confirmed_many_times_at_once(browser, rp, begin, pressed, rounds):
    """ABU-56: one effect, the same response for all, each app notified once."""
    for _ in range(rounds):
        made, asking = begin(rp)
        out = f"client_id=red&post_logout_redirect_uri={rp.client.metadata_.post_logout_redirect_uris[0]}"
        page = Page(asking, follow(asking, asking.get(f"/session/end?{out}")))
        before = logouts()
        form = page.fields | {"logout": "true"}

        responses = at_once(
            *[
                partial(twin.post, "/session/end/confirm", data=form)
                for twin in twins(browser, asking, pressed)
            ]
        )

        # No worker has notified red, so the result comes first, and it is one and the same.
        [led_to] = {response.headers["Location"] for response in responses}
        assert led_to.startswith("/session/ended/")
        assert logouts() == before + 1
        assert owed_for(made.session.id) == {rp.client.id: 1}


def test_race_08_ended_by_everybody_at_once(rp, green, begin, do):
    """By the person, by an admin and by two sweepers: one session end, each app notified once."""
    for _ in range(ROUNDS):
        made, _browser = begin(rp, green)
        with transaction():
            this_one = update(Session).where(Session.id == made.session.id)
            change(this_one.values(ends_at=clock.now()))

        outcomes = at_once(
            do(end, made.session, BY_ADA),
            do(end, made.session, BY_CLEO),
            do(end_invalid, made.session.id),
            do(end_invalid, made.session.id),
        )

        assert len([outcome for outcome in outcomes if outcome]) == 1
        assert owed_for(made.session.id) == {rp.client.id: 1, green.client.id: 1}


@pytest.mark.parametrize("scope", ["openid", "openid offline_access"])
def test_race_12_consent_withdrawn_and_refresh(rp, begin, do, scope):
    """INV-04: nothing that the refresh gave lives after the withdrawal's response."""
    for _ in range(ROUNDS):
        _made, browser = begin(rp, offline=("red",) if "offline" in scope else ())
        tokens = rp.sign_in(browser, scope=scope)
        grant_id = _made.grants["red"].id

        refreshed, withdrawn = at_once(
            lambda token=tokens["refresh_token"]: rp.refresh(token), do(end_grant, grant_id, WITHDRAWN)
        )

        assert withdrawn is not None
        assert refreshed.status_code in (200, 400)
        if refreshed.status_code == 200:
            assert not rp.introspect(refreshed.json["access_token"])["active"]
            assert rp.refresh(refreshed.json["refresh_token"]).status_code == 400


def test_endings_of_every_kind_never_wait_for_each_other(rp, green, ada, begin, do):
    """Logouts take their locks in one order: account, session, grants, client sessions. None is given up."""
    for _ in range(ROUNDS // 2):
        made, browser = begin(rp, green, offline=("green",))
        other, _browser = begin(rp)
        tokens = rp.sign_in(browser)

        *_ended, refreshed, authorized = at_once(
            do(end, made.session, BY_ADA),
            do(end_grant, made.grants["red"].id, WITHDRAWN),
            do(end_client_session, made.client_sessions["green"], BY_ADA, revoke_offline=True),
            do(end_others, ada, other.session, BY_ADA),
            do(end_everywhere, ada, BY_ADA),
            lambda token=tokens["refresh_token"]: rp.refresh(token),
            lambda browser=browser: green.authorize(browser),
        )

        assert refreshed.status_code in (200, 400)
        assert authorized.status_code == 303
        assert not rp.introspect(tokens["access_token"])["active"]
        assert owed_for(made.session.id) == {rp.client.id: 1, green.client.id: 1}
