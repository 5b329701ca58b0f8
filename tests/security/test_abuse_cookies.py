"""A cookie that others plant, mutilate or toss into a browser is never taken for a session."""

from datetime import timedelta

import pytest

from tests.factories import make_account, make_session
from tests.security.test_abuse_sessions import cookie_of, lives
from tests.security.told_story import full_story
from tests.support.browsers import Page, query_of, show_session
from tests.support.relying_party import RelyingParty, type_password


@pytest.fixture
def story(app, browser, turned_clock):
    return full_story(app, browser, turned_clock)


MUTILATED = [
    pytest.param(lambda value: value[:-1], id="cut by one"),
    pytest.param(lambda value: value[:-4], id="cut by four"),
    pytest.param(lambda value: value[: len(value) // 2], id="cut in half"),
    pytest.param(lambda value: value + "A", id="one more"),
    pytest.param(lambda value: value + "=", id="padded"),
    pytest.param(lambda value: value + ".x", id="a dot and more"),
    pytest.param(lambda value: value.swapcase(), id="case swapped"),
    pytest.param(lambda value: " " + value, id="a space before"),
]


@pytest.mark.spec("ABU-76")
@pytest.mark.parametrize("mutilate", MUTILATED)
def test_a_handle_that_is_not_quite_itself_is_nothing(story, mutilate):
    red, tokens = story.red, story.tokens
    for kind in ("access_token", "refresh_token"):
        assert red.introspect(mutilate(tokens[kind])) == {"active": False}
    assert red.refresh(mutilate(tokens["refresh_token"])).json["error"] == "invalid_grant"
    assert red.exchange(mutilate(story.code)).json["error"] == "invalid_grant"
    red.revoke(mutilate(tokens["refresh_token"]))
    ticket = story.confirm_page.fields["ticket"]
    response = story.http.get("/session/end/confirm", query_string={"ticket": mutilate(ticket)})
    assert not Page(story.http, response).buttons
    # A space around a cookie's value is not part of it.
    if mutilate(story.cookie).strip() != story.cookie:
        other = story.browser()
        other.set_cookie("curfew_session", mutilate(story.cookie))
        assert "code=" not in red.authorize(other).headers["Location"]
    assert story.living({"refresh token", "code", "cookie"}) == {"refresh token", "code", "cookie"}


@pytest.mark.spec("THR-22")
def test_a_planted_cookie_becomes_no_session(app, browser):
    make_account("ada")
    red, victim, planted = RelyingParty(app, "red"), browser(), "A" * 43
    victim.set_cookie("curfew_session", planted)
    victim.set_cookie("curfew_browser", "B" * 43)

    type_password(victim, red.authorize(victim))

    assert cookie_of(victim) != planted
    assert lives(cookie_of(victim))
    assert not lives(planted)


@pytest.mark.spec("THR-22")
def test_the_planters_session_never_becomes_the_victims(app, browser):
    """Ben plants the cookie of his own session and waits for Ada to sign in."""
    make_account("ada")
    red, victim = RelyingParty(app, "red"), browser()
    bens = make_session(make_account("ben"))
    show_session(victim, bens)

    type_password(victim, red.authorize(victim, prompt="login"))

    assert not lives(bens.handle)
    assert lives(cookie_of(victim))


@pytest.mark.spec("THR-22")
def test_signing_in_again_changes_the_handle_and_the_old_one_is_refused(story):
    story.clock.turn(timedelta(seconds=1))
    type_password(story.http, story.red.authorize(story.http, prompt="login"))

    assert not lives(story.cookie)
    assert lives(cookie_of(story.http))


COOKIES = [
    pytest.param("curfew_session={own}; curfew_session={other}", 400, id="twice"),
    pytest.param("curfew_session={other}; curfew_session={own}", 400, id="twice, the other way"),
    pytest.param("curfew_session={own}; curfew_session =x", 400, id="a space behind the name"),
    pytest.param("curfew_browser={own}; curfew_browser={other}", 400, id="the binding cookie twice"),
    pytest.param("$Version=1; curfew_session={own}; $Path=/", 303, id="attributes of rfc2965"),
    pytest.param("Curfew_Session={other}; curfew_session={own}", 303, id="another case is another name"),
    pytest.param('curfew_session="{own}"', 303, id="in quotes"),
]


@pytest.mark.spec("THR-23")
@pytest.mark.parametrize(("sent", "status"), COOKIES)
def test_a_cookie_that_a_neighbour_tossed_in_is_never_taken_for_ours(app, browser, sent, status):
    ada, ben = make_session(make_account("ada")), make_session(make_account("ben"))
    red = RelyingParty(app, "red")
    plain = app.test_client(use_cookies=False)
    header = {"Cookie": sent.format(own=ada.handle, other=ben.handle)}

    response = plain.get("/authorize", query_string=red.request(), headers=header)

    assert response.status_code == status
    if status == 303 and "code=" in response.headers["Location"]:
        tokens = red.exchange(query_of(response)["code"]).json
        assert red.userinfo(tokens["access_token"]).json["email"] == "ada@example.test"
