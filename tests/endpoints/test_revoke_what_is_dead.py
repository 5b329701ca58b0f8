"""A dead refresh token may still be handed in: an app was offline when it signed out (rfc7009 §2.2)."""

from datetime import timedelta

import pytest

from tests.support.browsers import query_of
from tests.support.relying_party import press


def _rotate(story, tokens, turned_clock) -> None:
    story.rp.refresh(tokens["refresh_token"])


def _revoke(story, tokens, turned_clock) -> None:
    story.rp.revoke(tokens["refresh_token"])


def _expire(story, tokens, turned_clock) -> None:
    turned_clock.turn(timedelta(days=15))


WAYS = [
    pytest.param(_rotate, id="it was rotated"),
    pytest.param(_revoke, id="it was revoked"),
    pytest.param(_expire, id="it has expired"),
    pytest.param(lambda story, *_: story.end_session(), id="its session has ended"),
    pytest.param(lambda story, *_: story.end_everywhere(), id="the person signed out everywhere"),
]


@pytest.mark.spec("rfc7009 3")
@pytest.mark.parametrize("die", WAYS)
@pytest.mark.parametrize("offline", [False, True], ids=["session", "offline"])
def test_a_revoked_refresh_token_is_revoked_again_with_200(story, turned_clock, die, offline):
    tokens = _offline_tokens(story) if offline else story.rp.sign_in(story.browser)
    die(story, tokens, turned_clock)

    for _ in range(2):
        response = story.rp.revoke(tokens["refresh_token"])
        assert response.status_code == 200, response.get_data(as_text=True)

    assert story.rp.refresh(tokens["refresh_token"]).json["error"] == "invalid_grant"
    assert not story.rp.introspect(tokens["access_token"])["active"]


def _offline_tokens(story) -> dict:
    asked = story.rp.authorize(story.browser, scope="openid offline_access", prompt="consent")
    return story.rp.exchange(query_of(press(story.browser, asked, "allow"))["code"]).json
