"""The way back after a sign-out: to registered addresses of a proven client alone."""

from datetime import timedelta

import pytest

from tests.endpoints.test_end_session import RED_OUT, Story, deliveries
from tests.factories import make_account, make_client, make_session
from tests.support.browsers import Page, follow, id_token_of, query_of, show_session


@pytest.fixture
def story(http) -> Story:
    return Story(http)


@pytest.mark.spec("rpinitiated 7, rpinitiated 9")
@pytest.mark.parametrize(
    "uri",
    [
        "https://red.test/signed-out/",
        "https://red.test/signed-out?x=1",
        "https://red.test/signed-out#x",
        "https://red.test/SIGNED-OUT",
        "https://red.test//signed-out",
        "https://red.test/x/../signed-out",
        "https://red.test:443/signed-out",
        "http://red.test/signed-out",
        "https://evil.test/signed-out",
        "https://red.test@evil.test/signed-out",
        "https://evil.test\\@red.test/signed-out",
        "https://red.test.evil.test/signed-out",
        "https://redxtest/signed-out",
        "//red.test/signed-out",
        "/signed-out",
        " https://red.test/signed-out",
        "https://red.test/signed-out\t",
        "https://green.test/signed-out",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "https://[::1",
    ],
)
def test_no_redirect_to_an_address_that_is_not_registered_for_the_client(story, uri):
    response = story.end(id_token_hint=story.hint(), post_logout_redirect_uri=uri)

    assert response.headers["Location"].startswith("/session/ended/")


@pytest.mark.spec("rpinitiated 7")
def test_a_redirect_needs_a_proven_client_or_the_persons_word(story):
    unproven = story.end(post_logout_redirect_uri=RED_OUT)
    page = Page(story.http, follow(story.http, unproven))

    assert page.press("sign-out").headers["Location"].startswith("/session/ended/")


def test_a_client_id_with_the_persons_word_leads_back_to_the_app(story):
    asked = story.end(client_id="red", post_logout_redirect_uri=RED_OUT, state="s")
    page = Page(story.http, follow(story.http, asked))

    done = page.press("sign-out")

    assert done.headers["Location"] == f"{RED_OUT}?state=s"
    assert not story.is_signed_in


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("parameters", [{}, {"client_id": "red"}, {"id_token_hint": "garbage"}])
def test_a_browser_without_a_session_learns_that_it_is_signed_out(app, http, method, parameters):
    make_client("red")
    response = (
        http.get("/session/end", query_string=parameters)
        if method == "get"
        else http.post("/session/end", data=parameters)
    )

    response = follow(http, response)

    assert response.status_code == 200
    assert "password" not in Page(http, response).fields


def test_without_an_address_to_return_to_the_next_step_is_the_app_itself(app, http):
    make_client("red", client_uri="https://red.test/home")

    response = http.get("/session/end", query_string={"client_id": "red"})

    assert 'href="https://red.test/home"' in response.get_data(as_text=True)


@pytest.mark.spec("rpinitiated 7")
def test_a_second_app_that_signs_out_later_is_led_back_just_the_same(story):
    story.end(id_token_hint=story.hint())

    again = story.end(id_token_hint=story.hint(), post_logout_redirect_uri=RED_OUT, state="x")

    assert again.headers["Location"] == f"{RED_OUT}?state=x"
    assert deliveries() == 2


def test_a_hint_whose_session_ended_long_ago_does_not_redirect_by_itself(story, turned_clock):
    story.end(id_token_hint=story.hint())
    turned_clock.turn(timedelta(hours=25))

    late = story.end(id_token_hint=story.hint(), post_logout_redirect_uri=RED_OUT)

    assert late.status_code == 200
    assert RED_OUT in late.get_data(as_text=True)


@pytest.mark.spec("THR-11")
@pytest.mark.parametrize("state", ["a\r\nSet-Cookie: x=1", "#x", "&y=1", "\U0001f642", "%00"])
def test_state_comes_back_encoded_and_adds_nothing(story, state):
    response = story.end(id_token_hint=story.hint(), post_logout_redirect_uri=RED_OUT, state=state)

    assert query_of(response) == {"state": state}
    assert response.headers["Location"].startswith(f"{RED_OUT}?state=")


@pytest.mark.spec("rpinitiated 7, rpinitiated 8")
def test_a_native_apps_loopback_port_is_free(http):
    native = make_client(
        "red",
        application_type="native",
        token_endpoint_auth_method="none",
        redirect_uris=["http://127.0.0.1/callback"],
        post_logout_redirect_uris=["http://127.0.0.1/out"],
        backchannel_logout_uri=None,
        client_uri=None,
    )
    made = make_session(make_account("ada"), [native])
    show_session(http, made)

    response = http.get(
        "/session/end",
        query_string={
            "id_token_hint": id_token_of(native, made.grants["red"]),
            "post_logout_redirect_uri": "http://127.0.0.1:4711/out",
        },
    )

    assert response.headers["Location"] == "http://127.0.0.1:4711/out"
