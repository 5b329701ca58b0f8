"""A code is issued for what was decided only while that still stands; else the request is decided anew."""

import pytest
from sqlalchemy import select

from provider.infrastructure.database import db, transaction
from provider.logout.end_client_session import end_client_session
from provider.logout.models import LogoutReason
from provider.logout.steps import Cause
from provider.oauth.authorization.decision import Proceed
from provider.oauth.authorization.issue_response import DecisionOutdated, issue_response
from provider.oauth.authorization.request import AuthorizationRequest
from provider.sessions.models import ClientSession
from provider.sessions.queries import find_with_client
from tests.factories import make_session

ASKED = AuthorizationRequest(redirect_uri="https://red.test/callback", scopes=("openid",))


def issue(client, found) -> dict[str, str]:
    with transaction():
        return issue_response(ASKED, Proceed(("openid",), consented=False), client, found)


def test_an_app_signed_out_of_meanwhile_gets_no_code_under_its_old_sid(ada, red):
    made = make_session(ada, [red])
    found = find_with_client(made.handle, red)
    with transaction():
        end_client_session(made.client_sessions["red"], Cause(reason=LogoutReason.USER, initiator="account"))

    with pytest.raises(DecisionOutdated):
        issue(red, found)

    assert issue(red, find_with_client(made.handle, red))["code"]
    (fresh,) = db.session.scalars(select(ClientSession).where(ClientSession.ended_at.is_(None)))
    assert fresh.sid != made.client_sessions["red"].sid


def test_an_app_used_again_keeps_its_client_session(ada, red):
    made = make_session(ada, [red])

    assert issue(red, find_with_client(made.handle, red))["code"]

    (client_session,) = db.session.scalars(
        select(ClientSession), execution_options={"populate_existing": True}
    )
    assert (client_session.sid, client_session.grant_id) == (
        made.client_sessions["red"].sid,
        made.grants["red"].id,
    )
    assert client_session.last_used_at > client_session.created_at
