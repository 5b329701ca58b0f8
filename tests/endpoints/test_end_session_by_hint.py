"""An ID Token without the session's cookie: what it shows of a person, and what it can end."""

import pytest
from sqlalchemy import select

from provider.delivery.models import Delivery
from provider.infrastructure.database import db, transaction
from provider.logout.models import Logout
from provider.sessions.models import ClientSession
from provider.sessions.queries import find_live
from tests.factories import make_client, make_session
from tests.support.browsers import Page, follow, id_token_of, show_session
from tests.support.reads import end_read


@pytest.fixture
def made(ada, red):
    """Ada is signed in at red, green and blue in a browser that is not this one."""
    return make_session(ada, [red, make_client("green"), make_client("blue")], offline=("red", "blue"))


@pytest.fixture
def hint(red, made):
    return id_token_of(red, made.grants["red"])


@pytest.fixture
def asked(http, hint):
    return Page(http, follow(http, http.get("/session/end", query_string={"id_token_hint": hint})))


def living(made) -> set[str]:
    end_read()
    ids = select(ClientSession.id).where(ClientSession.ended_at.is_(None))
    alive = set(db.session.scalars(ids))
    return {name for name, client_session in made.client_sessions.items() if client_session.id in alive}


@pytest.mark.spec("THR-02")
def test_the_question_is_about_the_hints_app_alone(asked):
    assert asked.response.status_code == 200
    assert "Sign out of Red?" in asked.html
    for name in ("Green", "Blue", "Ada", "ada"):
        assert name not in asked.html
    assert asked.buttons == {"sign-out", "cancel"}


@pytest.mark.spec("THR-02")
@pytest.mark.parametrize("choice", ["app", "true", "everywhere-confirmed"])
def test_it_ends_at_most_the_share_of_the_hints_app(asked, http, made, choice):
    done = http.post("/session/end/confirm", data=asked.fields | {"logout": choice, "revoke_offline": "true"})

    assert find_live(made.handle) is not None
    assert living(made) == {"green", "blue"}
    assert made.grants["red"].revoked_at is None
    delivery = db.session.scalars(select(Delivery)).one()
    logout = db.session.scalars(select(Logout)).one()
    assert delivery.sid == made.client_sessions["red"].sid
    assert (logout.reason, logout.scope, logout.initiator_client_id) == ("rp_initiated", "app", "red")
    result = follow(http, done)
    assert "Red" in result.text
    assert "Green" not in result.text


def test_everywhere_is_not_even_asked_about(asked, http, made):
    response = http.post("/session/end/confirm", data=asked.fields | {"logout": "everywhere"})

    assert response.status_code == 303
    assert "Green" not in follow(http, response).text
    assert living(made) == {"red", "green", "blue"}


def test_once_its_share_has_ended_a_hint_asks_nothing_more(asked, http, hint, made):
    asked.press("sign-out")

    again = http.get("/session/end", query_string={"id_token_hint": hint})
    pressed_again = asked.press("sign-out")

    assert again.status_code == 200
    assert "You are signed out" in again.text
    assert "/session/ended/" in pressed_again.headers["Location"]
    assert living(made) == {"green", "blue"}


def test_a_share_that_ends_while_the_question_is_open_is_not_asked_about(asked, http, made):
    with transaction():
        db.session.merge(made.client_sessions["red"]).ended_at = made.session.created_at

    shown = http.get("/session/end/confirm", query_string={"ticket": asked.fields["ticket"]})

    assert shown.status_code == 200
    assert "sign-out" not in Page(http, shown).buttons
    assert "Green" not in shown.text


def test_a_cross_site_post_of_a_hint_is_treated_the_same(http, hint, made):
    asked = Page(http, follow(http, http.post("/session/end", data={"id_token_hint": hint})))
    assert "Green" not in asked.html

    asked.press("sign-out")

    assert living(made) == {"green", "blue"}


def test_the_way_back_is_that_of_the_app(http, red, hint, made):
    with transaction():
        red.result_page = "never"
    back = "https://red.test/signed-out"
    request = {"id_token_hint": hint, "post_logout_redirect_uri": back, "state": "s"}
    asked = Page(http, follow(http, http.get("/session/end", query_string=request)))

    assert asked.press("sign-out").headers["Location"] == f"{back}?state=s"


def test_a_browser_with_another_session_is_asked_about_its_own(http, ada, hint, made):
    own = make_session(ada, [make_client("yellow")])
    show_session(http, own)

    asked = Page(http, follow(http, http.get("/session/end", query_string={"id_token_hint": hint})))
    assert "Yellow" in asked.html
    assert "Green" not in asked.html
    asked.press("sign-out")

    assert find_live(own.handle) is None
    assert living(made) == {"red", "green", "blue"}
