"""Tokens of a release that did not keep whether they outlive their session: their own scope says it."""

import pytest

from provider.infrastructure.database import db, transaction, write_gathered
from provider.infrastructure.opaque_tokens import digest_of, new_id
from provider.logout.end_session import end
from provider.logout.models import LogoutReason
from provider.logout.steps import Cause
from provider.tokens import refresh
from provider.tokens.id_token import SignIn
from provider.tokens.liveness import find_refresh_token
from provider.tokens.models import RefreshToken
from tests.factories import make_account, make_client, make_session


@pytest.mark.parametrize(
    ("scope", "outlives"),
    [
        ("offline_access", True),
        ("openid offline_access", True),
        ("offline_access openid", True),
        ("openid offline_access email", True),
        ("openid email", False),
        ("openid not_offline_access", False),
        ("offline_access_not openid", False),
    ],
)
def test_the_scope_is_read_word_by_word(app, scope, outlives):
    red = make_client("red")
    made = make_session(make_account("ada"), [red], offline=("red",))
    with transaction():
        handle = refresh.issue(
            red,
            made.grants["red"],
            made.client_sessions["red"],
            made.session,
            scope=scope,
            family_id=new_id(),
            offline=True,
            sign_in=SignIn(auth_time=made.session.authenticated_at, amr="pwd", acr=None),
        )
        write_gathered()
        db.session.query(RefreshToken).filter_by(digest=digest_of(handle)).update({"offline": None})
    with transaction():
        end(made.session, Cause(reason=LogoutReason.USER, initiator="account"))

    found = find_refresh_token(handle, lock=False)

    assert (found.is_valid, found.token.outlives_session) == (outlives, outlives)
