"""`/session/end` and `/session/end/confirm`, as browsers and relying parties see them."""

from collections.abc import Callable

import pytest
from sqlalchemy import func, select

from provider.clients.models import OfflinePolicy
from provider.delivery.models import Delivery
from provider.infrastructure.database import db, transaction
from provider.logout.end_session import end
from provider.logout.models import LogoutReason
from provider.logout.steps import Cause
from provider.sessions.queries import find_live
from tests.factories import STRAIGHT_BACK, SignedIn, make_account, make_client, make_session
from tests.support.browsers import Page, follow, id_token_of, query_of, show_session

RED_OUT = "https://red.test/signed-out"


class Story:
    """Ada is signed in at red and green in one browser."""

    def __init__(self, http) -> None:
        self.ada = make_account("ada")
        self.red, self.green = make_client("red", settings=STRAIGHT_BACK), make_client("green")
        self.made = make_session(self.ada, [self.red, self.green], offline=("green",))
        self.http = show_session(http, self.made)

    def hint(self, made: SignedIn | None = None, **changes: object) -> str:
        return id_token_of(self.red, (made or self.made).grants["red"], **changes)

    @property
    def is_signed_in(self) -> bool:
        return find_live(self.made.handle) is not None

    def end(self, method: str = "get", **parameters: str):
        if method == "post":
            return self.http.post("/session/end", data=parameters)
        return self.http.get("/session/end", query_string=parameters)


@pytest.fixture
def story(http) -> Story:
    return Story(http)


def deliveries() -> int:
    return db.session.scalar(select(func.count()).select_from(Delivery)) or 0


@pytest.mark.spec(
    "rpinitiated 2", "rpinitiated 3", "rpinitiated 4", "rpinitiated 5", "rpinitiated 6", "rpinitiated 11"
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_the_hint_of_this_very_session_signs_out_without_asking(story, method):
    response = story.end(
        method,
        id_token_hint=story.hint(),
        client_id="red",
        post_logout_redirect_uri=RED_OUT,
        state="a b&c",
    )

    assert response.status_code == 303
    assert response.headers["Location"].startswith(RED_OUT)
    assert query_of(response) == {"state": "a b&c"}
    assert not story.is_signed_in
    assert deliveries() == 2
    assert "curfew_session=;" in response.headers["Set-Cookie"]
    assert response.headers["Clear-Site-Data"] == '"storage"'
    assert response.headers["Cache-Control"] == "no-store"


def another_persons(story: Story) -> str:
    ben = make_session(make_account("ben"), [story.red])
    return id_token_of(story.red, ben.grants["red"])


def of_another_browser(story: Story) -> str:
    return story.hint(make_session(story.ada, [story.red]))


def of_an_ended_session(story: Story) -> str:
    old = make_session(story.ada, [story.red])
    with transaction():
        end(old.session, Cause(reason=LogoutReason.USER, initiator="account"))
    return story.hint(old)


NOT_PROOF: list[tuple[str, Callable[[Story], str | None]]] = [
    ("no hint", lambda story: None),
    ("garbage", lambda story: "not-a-token"),
    ("another person's hint", another_persons),
    ("a hint of the same person's other browser", of_another_browser),
    ("a hint of a session that has ended", of_an_ended_session),
    ("a foreign issuer", lambda story: story.hint(iss="https://other.example")),
    ("no issuer", lambda story: story.hint(iss=None)),
    ("a list of audiences", lambda story: story.hint(aud=["red"])),
    ("no audience", lambda story: story.hint(aud=None)),
    ("an unknown client as audience", lambda story: story.hint(aud="nobody")),
    ("no sid", lambda story: story.hint(sid=None)),
    (
        "the sid of another client's client session",
        lambda story: story.hint(sid=story.made.client_sessions["green"].sid),
    ),
    ("a Logout Token", lambda story: story.hint(typ="logout+jwt")),
    ("an access token", lambda story: story.hint(typ="at+jwt")),
    ("an ID Token with a Logout Token's events", lambda story: story.hint(events={})),
    ("an ID Token with an access token's scope", lambda story: story.hint(scope="openid")),
    ("a cut signature", lambda story: story.hint()[:-2]),
    ("another payload under the signature", lambda story: story.hint().replace(".", ".e30", 1)),
    ("a hint from the future", lambda story: story.hint(iat=4102444800, exp=4102448400)),
    ("a text of 8 kB", lambda story: "a" * 8000),
]


@pytest.mark.spec("rpinitiated 2", "rpinitiated 3", "rpinitiated 4", "rpinitiated 5", "rpinitiated 9")
@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("hint_of", [pytest.param(make, id=name) for name, make in NOT_PROOF])
def test_whatever_proves_nothing_asks_and_ends_nothing(story, hint_of, method):
    hint = hint_of(story)
    before = deliveries()
    sent = {"client_id": "red", "post_logout_redirect_uri": RED_OUT} | (
        {"id_token_hint": hint} if hint else {}
    )

    response = follow(story.http, story.end(method, **sent))

    assert response.status_code == 200
    assert "sign-out" in Page(story.http, response).buttons
    assert story.is_signed_in
    assert deliveries() == before


@pytest.mark.spec("rpinitiated 4")
def test_an_expired_id_token_of_the_living_session_is_still_proof(story):
    response = story.end(id_token_hint=story.hint(iat=1700000000, exp=1700003600))

    assert response.headers["Location"].startswith("/session/ended/")
    assert not story.is_signed_in


@pytest.mark.spec("rpinitiated 3, rpinitiated 4, rpinitiated 9")
def test_a_hint_for_another_client_than_client_id_proves_neither(story):
    response = story.end(
        id_token_hint=story.hint(),
        client_id="green",
        post_logout_redirect_uri="https://green.test/signed-out",
    )
    page = Page(story.http, follow(story.http, response))
    done = page.press("sign-out")

    assert done.headers["Location"].startswith("/session/ended/")


@pytest.mark.spec("rpinitiated 2")
@pytest.mark.parametrize("method", ["head", "put", "delete", "patch"])
def test_no_other_method_ends_anything(story, method):
    response = getattr(story.http, method)("/session/end", query_string={"id_token_hint": story.hint()})

    assert response.status_code == 405
    assert story.is_signed_in


def test_the_result_page_shows_each_app(story):
    done = story.end(id_token_hint=story.hint())
    shown = story.http.get(done.headers["Location"])

    assert shown.status_code == 200
    html = shown.get_data(as_text=True)
    assert "Red" in html
    assert "Green" in html
    assert shown.headers["Cache-Control"] == "no-store"


def test_an_unknown_result_is_not_found(http):
    assert http.get("/session/ended/" + "x" * 43).status_code == 404


def test_a_deleted_client_does_not_break_its_sign_out(story):
    hint = story.hint()
    with transaction():
        story.red.deleted_at = story.red.created_at

    response = follow(story.http, story.end(id_token_hint=hint, post_logout_redirect_uri=RED_OUT))

    assert response.status_code == 200
    Page(story.http, response).press("sign-out")
    assert not story.is_signed_in


@pytest.mark.parametrize("apps", [1, 3, 10])
def test_a_confirmed_sign_out_costs_eight_statements_and_one_per_app(http, statements, apps):
    clients = [make_client(f"app{number}") for number in range(apps)]
    made = make_session(make_account("ada"), clients)
    show_session(http, made)
    page = Page(http, follow(http, http.get("/session/end")))

    with statements() as seen:
        page.press("sign-out")

    assert len(seen) <= 8 + apps


@pytest.mark.parametrize("apps", [1, 3])
def test_a_proven_sign_out_costs_eight_statements_and_one_per_app(http, statements, apps):
    clients = [make_client(f"app{number}") for number in range(apps)]
    made = make_session(make_account("ada"), clients)
    show_session(http, made)
    hint = id_token_of(clients[0], made.grants["app0"])

    with statements() as seen:
        http.get("/session/end", query_string={"id_token_hint": hint})

    assert len(seen) <= 8 + apps


def test_a_question_about_an_offline_grant_is_asked_even_when_the_request_is_proven(http):
    red, asking = make_client("red"), make_client("asking", settings={"offline_policy": OfflinePolicy.ASK})
    made = make_session(make_account("ada"), [red, asking], offline=("asking",))
    show_session(http, made)
    hint = id_token_of(red, made.grants["red"])

    page = Page(http, follow(http, http.get("/session/end", query_string={"id_token_hint": hint})))

    assert "sign-out" in page.buttons
    assert 'id="revoke-offline"' in page.html
    assert find_live(made.handle) is not None


def test_the_policy_to_ask_asks_nothing_where_there_is_no_offline_grant(http):
    red, asking = make_client("red"), make_client("asking", settings={"offline_policy": OfflinePolicy.ASK})
    made = make_session(make_account("ada"), [red, asking])
    show_session(http, made)
    hint = id_token_of(red, made.grants["red"])

    http.get("/session/end", query_string={"id_token_hint": hint})

    assert find_live(made.handle) is None
