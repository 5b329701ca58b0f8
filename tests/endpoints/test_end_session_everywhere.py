"""The second question before *everywhere* on the sign-out page: it names what will end."""

import pytest

from provider.infrastructure.database import db
from provider.sessions.queries import find_live
from tests.factories import make_account, make_client, make_session
from tests.support.browsers import Page, follow, id_token_of, show_session


@pytest.fixture
def elsewhere(ada, http):
    """Ada is signed in at red here, at green in another browser; blue acts for her while she is away."""
    red, green = make_client("red"), make_client("green", backchannel_logout_uri=None)
    show_session(http, make_session(ada, [red]))
    other = make_session(ada, [green, make_client("blue")], offline=("blue",))
    other.session.device = "Chrome on Windows"
    db.session.commit()
    make_session(make_account("ben"), [make_client("bens", client_name="Bens own")])
    return other


def second_question(http) -> Page:
    first = Page(http, follow(http, http.get("/session/end?client_id=red")))
    return Page(http, first.press("sign-out-everywhere"))


def test_the_second_question_names_every_session_and_app_that_will_end(http, elsewhere):
    asked = second_question(http)

    assert "2 browsers and devices" in asked.html
    assert "3 apps" in asked.html
    for words in ("Firefox on Linux", "this browser", "Chrome on Windows", "Red", "Green", "Blue"):
        assert words in asked.html
    assert asked.html.index("this browser") < asked.html.index("Chrome on Windows")
    assert "cannot be notified" in asked.html
    assert "including access while you are away" in asked.html
    assert "Bens own" not in asked.html


def test_the_second_question_can_be_answered_once(http, elsewhere):
    asked = second_question(http)
    assert find_live(elsewhere.handle)

    first, again = (asked.press("sign-out-everywhere-confirm") for _ in range(2))

    assert find_live(elsewhere.handle) is None
    assert first.headers["Location"] == again.headers["Location"]


@pytest.mark.spec("THR-02")
def test_who_shows_only_a_hint_is_not_shown_where_else_a_person_is(browser, http, ada, elsewhere):
    red = make_client("other-red")
    made = make_session(ada, [red])
    stranger = browser()
    hint = id_token_of(red, made.grants["other-red"])
    first = Page(
        stranger, follow(stranger, stranger.get("/session/end", query_string={"id_token_hint": hint}))
    )

    forged = stranger.post("/session/end/confirm", data=first.fields | {"logout": "everywhere"})
    page = follow(stranger, forged)

    assert forged.status_code == 303
    assert "Chrome on Windows" not in page.text
    assert find_live(elsewhere.handle)


@pytest.mark.parametrize("sessions", [1, 6])
def test_the_second_question_costs_the_same_however_much_there_is(http, ada, statements, sessions):
    clients = [make_client(f"app{number}") for number in range(sessions)]
    for one in clients:
        show_session(http, make_session(ada, [one]))
    first = Page(http, follow(http, http.get("/session/end")))

    with statements() as seen:
        first.press("sign-out-everywhere")

    assert len(seen) <= 8
