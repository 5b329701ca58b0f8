"""The dead session: after each cause of a logout nothing of it works any more (SEC-710, INV-04).

One table of causes, and for each of them every artefact that may still be held.
"""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.factories import PASSWORD
from tests.security.causes import (
    CAUSES,
    IDLE,
    LIFETIME,
    LONGER,
    NEW_PASSWORD,
    account_deleted,
    account_disabled,
    client_disabled,
    client_removed,
    password_changed_elsewhere,
    password_reset,
)
from tests.security.full_story import ARTEFACTS, NEVER, TOKENS, FullStory
from tests.security.told_story import full_story
from tests.support.browsers import follow, query_of


@pytest.fixture
def settings(settings):
    """Only the session may run out in these stories: what hangs on it would live longer by itself."""
    return replace(
        settings,
        session_idle_lifetime=IDLE,
        session_lifetime=LIFETIME,
        code_lifetime=LONGER,
        access_token_lifetime=LONGER,
        interaction_lifetime=LONGER,
    )


@pytest.fixture
def story(app, browser, turned_clock):
    return full_story(app, browser, turned_clock)


def test_before_any_ending_all_of_it_works(story):
    """Without this the test below would prove nothing."""
    assert story.living() == set(ARTEFACTS) - NEVER


@pytest.mark.spec("SEC-710")
@pytest.mark.parametrize(("cause", "survives"), CAUSES)
def test_nothing_of_an_ended_session_works(story, cause, survives):
    cause(story)
    assert story.living() == survives

    if cause not in NO_SIGN_IN_POSSIBLE:
        sign_in_again(story, NEW_PASSWORD if cause in OTHER_PASSWORD else PASSWORD)
        assert story.living(TOKENS) == set(), "a new sign-in has brought it back"


def sign_in_again(story: FullStory, password: str) -> None:
    """She is back in the same browser, at the same app."""
    story.clock.turn(timedelta(seconds=1))
    page = story.open(story.red.authorize(story.http, prompt="login"))
    response = follow(story.http, page.press("sign-in", username="ada", password=password))
    assert story.red.exchange(query_of(response)["code"]).status_code == 200


NO_SIGN_IN_POSSIBLE = (account_disabled, account_deleted, client_disabled, client_removed)
OTHER_PASSWORD = (password_changed_elsewhere, password_reset)
