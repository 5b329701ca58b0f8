"""A logout ends what its page said that it would end."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import update

from provider.clients.models import Client
from provider.clients.own import CONSOLE_ID
from provider.grants.models import Grant
from provider.infrastructure.database import change, db, transaction
from provider.infrastructure.opaque_tokens import new_id
from provider.logout.end_client_session import end_client_session
from provider.logout.end_session import end
from provider.logout.everywhere import end_everywhere
from provider.logout.models import LogoutReason
from provider.logout.others import end_others
from provider.logout.preview import preview_everywhere, preview_others, preview_session
from provider.logout.steps import Cause
from provider.protocol.acr import PASSWORD_ACR
from provider.sessions import lifecycle
from provider.sessions.models import Session
from provider.tokens import refresh
from provider.tokens.id_token import SignIn
from provider.tokens.models import AccessToken, RefreshToken
from tests.factories import give_access_token, make_account, make_client, make_session

pytestmark = pytest.mark.usefixtures("turned_clock")

BY_ADA = Cause(reason=LogoutReason.USER, initiator="account")


@pytest.fixture
def here(ada, clients):
    return make_session(ada, clients, offline=("green",))


@pytest.fixture
def elsewhere(ada, clients):
    return make_session(ada, clients[:1])


@pytest.fixture
def bens(clients):
    return make_session(make_account("ben"), clients, offline=("red", "green"))


def shown(preview) -> list[tuple[str, bool, bool, bool]]:
    return [(one.client.client_id, one.will_be_notified, one.offline, one.survives) for one in preview.apps]


def counts(preview) -> tuple[int, int]:
    return preview.session_count, preview.grant_count


def test_this_browser(here, elsewhere, bens):
    preview = preview_session(here.session.id)

    assert shown(preview) == [
        ("green", True, True, True),
        ("mute", False, False, False),
        ("red", True, False, False),
    ]
    assert counts(preview) == (1, 2)
    assert [app.client.client_id for app in preview.apps_to_notify] == ["green", "red"]
    with transaction():
        logout = end(here.session, BY_ADA).logout
    assert (logout.sessions_ended, logout.grants_revoked, logout.notifications) == (1, 2, 2)


def test_other_browsers(ada, here, elsewhere, bens):
    preview = preview_others(here.session)

    assert shown(preview) == [("red", True, False, False)]
    assert counts(preview) == (1, 1)
    assert [one.session.id for one in preview.sessions] == [elsewhere.session.id]
    with transaction():
        logout = end_others(ada, here.session, BY_ADA, keep_offline=True).logout
    assert (logout.sessions_ended, logout.grants_revoked, logout.notifications) == (1, 1, 1)


def test_other_browsers_of_which_there_are_none(here):
    preview = preview_others(here.session)

    assert (counts(preview), preview.sessions, preview.apps) == ((0, 0), (), ())


def test_everywhere(ada, here, elsewhere, bens):
    preview = preview_everywhere(ada.id)

    assert shown(preview) == [
        ("green", True, True, False),
        ("mute", False, False, False),
        ("red", True, False, False),
    ]
    assert counts(preview) == (2, 4)
    assert [one.session.id for one in preview.sessions] == [elsewhere.session.id, here.session.id]
    with transaction():
        logout = end_everywhere(ada, BY_ADA).logout
    assert (logout.sessions_ended, logout.grants_revoked, logout.notifications) == (2, 4, 3)


def test_a_person_with_very_many_sessions_is_shown_the_newest_hundred(ada, here):
    with transaction():
        begun = (lifecycle.start(ada, ip=None, device="", amr="pwd", acr=PASSWORD_ACR) for _ in range(101))
        many = sorted(session.id for session, _ in begun)

    everywhere, others = preview_everywhere(ada.id), preview_others(here.session)
    assert [one.session.id for one in everywhere.sessions] == many[:0:-1]
    assert [one.session.id for one in others.sessions] == many[:0:-1]
    assert (everywhere.session_count, others.session_count) == (102, 101)
    newest = db.session.get_one(Session, many[-1])
    assert [one.session.id for one in preview_others(newest).sessions] == many[-2::-1]


def test_what_belongs_to_the_provider_itself_hides_no_app(ada, red, green):
    own = make_client(CONSOLE_ID)
    made = make_session(ada, [red, own, green])
    with transaction():
        # It comes first, whatever the other identifiers are.
        made.client_sessions[CONSOLE_ID].id = UUID(int=1)

    assert [name for name, *_ in shown(preview_session(made.session.id))] == ["green", "red"]


def give_refresh_token(made, *, offline: bool = False) -> None:
    name = "green" if offline else "red"
    client_session, grant = made.client_sessions[name], made.grants[name]
    client = db.session.get_one(Client, client_session.client_id)
    with transaction():
        refresh.issue(
            client,
            grant,
            client_session,
            made.session,
            scope="openid offline_access" if offline else "openid",
            family_id=new_id(),
            offline=offline,
            sign_in=SignIn(auth_time=made.session.authenticated_at, amr="pwd", acr=None),
        )


@pytest.mark.parametrize(
    ("what", "usable"),
    [
        pytest.param(lambda made, now: None, 2, id="nothing ended"),
        pytest.param(lambda made, now: write(RefreshToken, rotated_at=now), 0, id="used"),
        pytest.param(lambda made, now: write(RefreshToken, revoked_at=now), 0, id="revoked"),
        pytest.param(lambda made, now: write(RefreshToken, expires_at=now), 0, id="expired"),
        pytest.param(lambda made, now: write(Grant, revoked_at=now), 0, id="the grants are revoked"),
        pytest.param(lambda made, now: write(Grant, expires_at=now), 0, id="the grants have expired"),
        pytest.param(lambda made, now: sign_out_of_both(made), 1, id="only the offline one outlives"),
    ],
)
def test_usable_refresh_tokens_are_counted(ada, here, bens, turned_clock, what, usable):
    for made in (here, bens):
        give_refresh_token(made)
        give_refresh_token(made, offline=True)

    what(here, turned_clock())

    assert preview_everywhere(ada.id).refresh_token_count == usable


def write(model, **values) -> None:
    with transaction():
        change(update(model).values(**values))


def sign_out_of_both(made) -> None:
    for name in ("red", "green"):
        with transaction():
            end_client_session(made.client_sessions[name], BY_ADA)
    with transaction():
        # As an older release left it: the client session has ended and the grant has not.
        change(update(Grant).where(Grant.id == made.grants["red"].id).values(revoked_at=None))


def test_apps_with_signed_tokens_are_named_with_their_latest_end(ada, clients, here, bens, turned_clock):
    red, green, mute = clients
    api, minutes = make_client("api"), timedelta(minutes=1)
    for lives in (2 * minutes, 9 * minutes, 5 * minutes):
        give_access_token(here, red, signed=True, lives=lives)
    # An older release did not say what it issued.
    give_access_token(here, mute, signed=None, lives=3 * minutes)
    give_access_token(here, green, signed=False, lives=30 * minutes)
    give_access_token(here, green, signed=True, actor=api, lives=4 * minutes)
    give_access_token(bens, green, signed=True, lives=30 * minutes)

    named = preview_everywhere(ada.id).signed_tokens

    now = turned_clock()
    ends = [(one.client.client_id, one.until - now) for one in named]
    assert ends == [("api", 4 * minutes), ("mute", 3 * minutes), ("red", 9 * minutes)]

    turned_clock.turn(4 * minutes)
    assert [one.client.client_id for one in preview_everywhere(ada.id).signed_tokens] == ["red"]
    with transaction():
        change(update(AccessToken).values(revoked_at=now))
    # An API that does not ask cannot know of it.
    assert [one.client.client_id for one in preview_everywhere(ada.id).signed_tokens] == ["red"]


def test_apps_with_signed_tokens_of_other_browsers_are_named(clients, here, elsewhere, bens, turned_clock):
    red, _green, mute = clients
    minutes = timedelta(minutes=1)
    give_access_token(here, mute, signed=True, lives=9 * minutes)
    give_access_token(here, red, signed=True, lives=9 * minutes)
    give_access_token(elsewhere, red, signed=True, lives=4 * minutes)
    give_access_token(bens, mute, signed=True, lives=9 * minutes)

    named = preview_others(here.session).signed_tokens

    assert [(one.client.client_id, one.until - turned_clock()) for one in named] == [("red", 4 * minutes)]
