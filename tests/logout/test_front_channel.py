"""The frames that a browser loads after a logout: of the session that it showed, unless a hint led here."""

import pytest

from provider.infrastructure.database import transaction
from provider.logout.end_client_session import end_client_session
from provider.logout.end_session import end
from provider.logout.everywhere import end_everywhere
from provider.logout.models import LogoutReason
from provider.logout.notification.front_channel import list_frames
from provider.logout.steps import Cause
from tests.factories import make_client, make_session

BY_ADA = Cause(reason=LogoutReason.USER, initiator="account")
BY_CLEO = Cause(reason=LogoutReason.ADMIN, initiator="admin")


@pytest.fixture
def framed(app):
    names = ("red", "blue", "grey", "pink", "teal")
    return [make_client(name, frontchannel_logout_uri=f"https://{name}.test/frame") for name in names]


def sids(frames) -> list[str]:
    return [frame.rpartition("sid=")[2] for frame in frames]


def sids_of(made) -> list[str]:
    """In the order of the client sessions' identifiers, whatever that of their rows is."""
    return [one.sid for one in sorted(made.client_sessions.values(), key=lambda one: one.id)]


def test_a_browser_that_lost_its_cookie_loads_what_a_hint_has_ended(ada, framed):
    made = make_session(ada, framed)
    with transaction():
        logout = end(made.session, BY_ADA).logout

    frames = list_frames(logout, handle=None)

    assert sids(frames) == sids_of(made)
    assert sorted(frame.partition("/frame")[0] for frame in frames) == sorted(
        f"https://{one.client_id}.test" for one in framed
    )


def test_so_does_one_whose_own_session_has_ended(ada, framed):
    earlier, made = make_session(ada, framed), make_session(ada, framed)
    with transaction():
        end(earlier.session, BY_ADA)
        logout = end(made.session, BY_ADA).logout

    assert sids(list_frames(logout, handle=earlier.handle)) == sids_of(made)


def test_one_whose_own_session_lives_loads_nothing_of_another(ada, framed):
    own, made = make_session(ada, framed), make_session(ada, framed)
    with transaction():
        logout = end(made.session, BY_ADA).logout

    assert list_frames(logout, handle=own.handle) == []
    assert sids(list_frames(logout, handle=made.handle)) == sids_of(made)


@pytest.mark.parametrize("by", [BY_ADA, BY_CLEO], ids=["the person", "an operator"])
def test_everywhere_each_browser_loads_its_own(ada, framed, by):
    here, _there = make_session(ada, framed), make_session(ada, framed)
    with transaction():
        logout = end_everywhere(ada, by).logout

    assert sids(list_frames(logout, handle=here.handle)) == sids_of(here)
    assert list_frames(logout, handle=None) == []


def test_one_app_that_was_left_at_our_own_page_is_of_the_browser_that_showed_it(ada, framed):
    made = make_session(ada, framed)
    asked = Cause(reason=LogoutReason.USER, initiator="account", asked_in=made.session.id)
    with transaction():
        logout = end_client_session(made.client_sessions["red"], asked).logout

    assert sids(list_frames(logout, handle=made.handle)) == [made.client_sessions["red"].sid]
    assert list_frames(logout, handle=None) == []


def test_one_app_that_was_left_by_a_hint_may_be_of_a_browser_without_cookie(ada, framed):
    made = make_session(ada, framed)
    with transaction():
        logout = end_client_session(made.client_sessions["red"], BY_ADA).logout

    assert sids(list_frames(logout, handle=None)) == [made.client_sessions["red"].sid]
    assert sids(list_frames(logout, handle=made.handle)) == [made.client_sessions["red"].sid]
