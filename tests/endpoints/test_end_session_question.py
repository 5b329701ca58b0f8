"""The question before a sign-out: what its page says, and which answers count."""

import pytest

from provider.sessions.queries import find_live
from tests.endpoints.test_end_session import RED_OUT, Story, deliveries
from tests.factories import make_account, make_session
from tests.support.browsers import Page, follow, show_session


@pytest.fixture
def story(http) -> Story:
    return Story(http)


def test_the_page_says_who_what_and_what_survives(story):
    page = Page(story.http, follow(story.http, story.end(client_id="red")))

    assert page.buttons >= {"sign-out", "sign-out-this-app", "sign-out-everywhere", "cancel"}
    for words in ("Ada", "Red", "Green"):
        assert words in page.html


def test_only_this_app_leaves_the_browser_signed_in(story):
    page = Page(story.http, follow(story.http, story.end(client_id="red", post_logout_redirect_uri=RED_OUT)))

    done = page.press("sign-out-this-app")

    assert done.headers["Location"] == RED_OUT
    assert story.is_signed_in
    assert deliveries() == 1
    assert "curfew_session=;" not in done.headers.get("Set-Cookie", "")


def test_everywhere_is_asked_twice(story):
    other = make_session(story.ada, [story.red])
    page = Page(story.http, follow(story.http, story.end()))

    sure = Page(story.http, page.press("sign-out-everywhere"))
    assert sure.response.status_code == 200
    assert story.is_signed_in
    sure.press("sign-out-everywhere-confirm")

    assert not story.is_signed_in
    assert find_live(other.handle) is None
    assert deliveries() == 3


def test_cancel_changes_nothing_and_leads_back_to_the_app(story):
    page = Page(story.http, follow(story.http, story.end(client_id="red", post_logout_redirect_uri=RED_OUT)))

    done = page.press("cancel")
    again = page.press("sign-out")

    assert done.headers["Location"] == "https://red.test"
    assert story.is_signed_in
    assert again.headers["Location"] == "/session/end"


def test_cancel_without_an_app_says_that_nothing_has_changed(story):
    page = Page(story.http, follow(story.http, story.end()))

    done = page.press("cancel")

    assert done.status_code == 200
    assert story.is_signed_in


@pytest.mark.spec("THR-03")
@pytest.mark.parametrize(
    "forge",
    [
        pytest.param(lambda page: page.fields.update(csrf=""), id="no CSRF token"),
        pytest.param(lambda page: page.fields.update(csrf="x" * 43), id="a wrong CSRF token"),
        pytest.param(lambda page: page.fields.update(ticket="x" * 43), id="another ticket"),
    ],
)
def test_a_forged_confirmation_is_refused_and_ends_nothing(story, forge):
    page = Page(story.http, follow(story.http, story.end()))
    forge(page)

    done = page.press("sign-out")

    assert done.status_code == 403
    assert story.is_signed_in


@pytest.mark.spec("rpinitiated 10")
def test_a_confirmation_from_another_site_is_refused(story):
    page = Page(story.http, follow(story.http, story.end()))

    done = story.http.post(
        "/session/end/confirm",
        data=page.fields | {"logout": "true"},
        headers={"Sec-Fetch-Site": "cross-site"},
    )

    assert done.status_code == 403
    assert story.is_signed_in


@pytest.mark.spec("THR-04")
def test_a_ticket_is_void_once_the_browser_has_another_session(story):
    page = Page(story.http, follow(story.http, story.end()))
    ben = make_session(make_account("ben"), [story.red])
    show_session(story.http, ben)

    done = page.press("sign-out")

    assert find_live(ben.handle) is not None
    assert done.headers["Location"] == "/session/end"


def test_a_ticket_is_nothing_in_another_browser(story, browser):
    page = Page(story.http, follow(story.http, story.end()))
    thief = show_session(browser(), story.made)

    shown = thief.get("/session/end/confirm", query_string={"ticket": page.fields["ticket"]})

    assert shown.status_code == 303
    assert shown.headers["Location"] == "/session/end"


def test_confirming_twice_has_one_effect_and_the_same_response(story):
    page = Page(story.http, follow(story.http, story.end(client_id="red", post_logout_redirect_uri=RED_OUT)))

    first, second = page.press("sign-out"), page.press("sign-out")

    assert first.headers["Location"] == second.headers["Location"] == RED_OUT
    assert deliveries() == 2
