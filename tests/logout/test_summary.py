"""The summary of a sign-out everywhere counts what was usable until then, whatever became of it later."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from provider.grants.models import Grant
from provider.infrastructure.database import change, transaction
from provider.infrastructure.opaque_tokens import new_id
from provider.logout.end_client_session import end_client_session
from provider.logout.everywhere import end_everywhere
from provider.logout.models import Logout, LogoutReason
from provider.logout.notification.summary import summarize
from provider.logout.steps import Cause
from provider.tokens import refresh
from provider.tokens.id_token import SignIn
from provider.tokens.models import RefreshToken
from tests.factories import SignedIn, make_session

pytestmark = pytest.mark.usefixtures("turned_clock")

BY_ADA = Cause(reason=LogoutReason.USER, initiator="account")
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


def signed_in(account, red, green) -> SignedIn:
    """A person at red for the session and at green for longer, with a refresh token each."""
    made = make_session(account, [red, green], offline=("green",))
    for client, offline in ((red, False), (green, True)):
        with transaction():
            refresh.issue(
                client,
                made.grants[client.client_id],
                made.client_sessions[client.client_id],
                made.session,
                scope="openid",
                family_id=new_id(),
                offline=offline,
                sign_in=SignIn(auth_time=made.session.authenticated_at, amr="pwd", acr=None),
            )
    return made


def signed_out_everywhere(account) -> Logout:
    with transaction():
        return end_everywhere(account, BY_ADA).logout


def write(model, **values) -> None:
    with transaction():
        change(update(model).values(**values))


def sign_out_of(made, name) -> None:
    with transaction():
        end_client_session(made.client_sessions[name], BY_ADA)
    with transaction():
        # As an older release left it: the client session has ended and the grant has not.
        change(update(Grant).where(Grant.id == made.grants[name].id).values(revoked_at=None))


@pytest.mark.parametrize(
    ("before", "counted"),
    [
        pytest.param(lambda made, at: None, 2, id="both were usable"),
        pytest.param(lambda made, at: write(RefreshToken, rotated_at=at), 0, id="they were used"),
        pytest.param(lambda made, at: write(RefreshToken, revoked_at=at), 0, id="they were revoked by then"),
        pytest.param(lambda made, at: write(RefreshToken, revoked_at=at + SECOND), 2, id="revoked later"),
        pytest.param(lambda made, at: write(RefreshToken, expires_at=at), 0, id="they had expired by then"),
        pytest.param(lambda made, at: write(RefreshToken, expires_at=at + SECOND), 2, id="expired later"),
        pytest.param(lambda made, at: sign_out_of(made, "red"), 1, id="its app was left before"),
        pytest.param(lambda made, at: sign_out_of(made, "green"), 2, id="an offline one outlives its app"),
    ],
)
def test_refresh_tokens_that_were_usable_are_counted(ada, red, green, turned_clock, before, counted):
    made = signed_in(ada, red, green)
    before(made, turned_clock() + MINUTE)
    turned_clock.turn(MINUTE)

    logout = signed_out_everywhere(ada)

    assert summarize(logout).refresh_tokens_revoked == counted


def test_only_what_this_logout_ended_is_in_its_report(ada, ben, red, green):
    for one in (ada, ben):
        signed_in(one, red, green)

    of_ada, of_ben = signed_out_everywhere(ada), signed_out_everywhere(ben)

    for logout in (of_ada, of_ben):
        summary = summarize(logout)
        assert summary.logout is logout
        assert summary.refresh_tokens_revoked == 2
        assert [app.client_id for app in summary.apps_to_notify] == ["green", "red"]
