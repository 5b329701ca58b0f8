"""The question about a sign-out names the apps whose signed access tokens it cannot take back."""

from datetime import timedelta

import pytest

from tests.factories import give_access_token, make_client, make_session
from tests.support.browsers import follow, id_token_of, show_session

SENTENCE = "Services that do not ask us may accept access tokens of {} until"
LIVES = timedelta(minutes=10)


@pytest.fixture
def clients(app):
    return [make_client("red"), make_client("green"), make_client("blue")]


@pytest.fixture
def made(ada, clients, turned_clock):
    """Ada's session: red and green hold signed access tokens, blue an opaque one."""
    made = make_session(ada, clients)
    for client in clients:
        give_access_token(made, client, signed=client.client_id != "blue", lives=LIVES)
    return made


def named(html: str) -> list[str]:
    return [name for name in ("Api", "Blue", "Green", "Red") if SENTENCE.format(name) in html]


def test_each_app_of_this_browser_is_named(http, made, ada, clients):
    api = make_client("api")
    give_access_token(make_session(ada, [api]), api, signed=True, lives=LIVES)
    show_session(http, made)

    assert named(follow(http, http.get("/session/end")).text) == ["Green", "Red"]


def test_an_expired_token_is_not_worth_a_word(http, made, turned_clock):
    show_session(http, made)
    turned_clock.turn(LIVES)

    assert named(follow(http, http.get("/session/end")).text) == []


@pytest.mark.spec("THR-02")
def test_a_hint_without_a_cookie_shows_its_own_app_alone(http, made, clients):
    give_access_token(made, clients[0], signed=True, lives=LIVES, actor=make_client("api"))
    hint = id_token_of(clients[0], made.grants["red"])

    asked = follow(http, http.get("/session/end", query_string={"id_token_hint": hint}))

    assert named(asked.text) == ["Red"]
