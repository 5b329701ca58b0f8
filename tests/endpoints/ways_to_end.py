"""Each level at which what was issued can end (design §4)."""

from datetime import timedelta

import pytest

from provider.grants.models import Grant
from provider.sessions.models import ClientSession, Session

WAYS_TO_END = [
    pytest.param(lambda story: story.end_session(), id="the browser was signed out"),
    pytest.param(lambda story: story.end_everywhere(), id="the person signed out everywhere"),
    pytest.param(lambda story: story.set(Session, ended_at=story.now), id="the session has ended"),
    pytest.param(lambda story: story.set(Session, ends_at=story.now), id="the session has expired"),
    pytest.param(
        lambda story: story.set(ClientSession, ended_at=story.now), id="the client session has ended"
    ),
    pytest.param(lambda story: story.set(Grant, revoked_at=story.now), id="the grant was revoked"),
    pytest.param(lambda story: story.set(Grant, expires_at=story.now), id="the grant has expired"),
    pytest.param(lambda story: story.set_account(disabled_at=story.now), id="the account is disabled"),
    pytest.param(lambda story: story.set_account(deleted_at=story.now), id="the account is deleted"),
    pytest.param(lambda story: story.set_account(epoch=7), id="the account has another epoch"),
    pytest.param(lambda story: story.set_client(epoch=7), id="the client has another epoch"),
    pytest.param(lambda story: story.set_provider(epoch=7), id="the provider has another epoch"),
    pytest.param(
        lambda story: story.set_provider(issued_before_is_dead_at=story.now + timedelta(1)),
        id="everything issued before an instant is dead",
    ),
]
