"""The person's choice on the sign-out page is kept apart from the app's request, and the way on."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from provider.infrastructure.database import db, transaction
from provider.logout.models import Logout
from tests.factories import make_session
from tests.support.browsers import Page, follow, id_token_of, show_session

HOME = 'href="https://red.test" rel="noreferrer"'


@pytest.fixture
def made(ada, http, red):
    """Ada is signed in at red in this browser."""
    made = make_session(ada, [red])
    show_session(http, made)
    return made


def choose(http, button, request="/session/end?client_id=red"):
    response = Page(http, follow(http, http.get(request))).press(button)
    if button == "sign-out-everywhere":
        response = Page(http, response).press("sign-out-everywhere-confirm")
    return response


def written() -> tuple[str, str, str | None]:
    logout = db.session.scalars(select(Logout)).one()
    return logout.reason, logout.initiator, logout.initiator_client_id


@pytest.mark.parametrize(
    ("button", "reason"),
    [
        pytest.param("sign-out", "rp_initiated", id="the person confirms what the app asked for"),
        pytest.param("sign-out-this-app", "user", id="the person wants less"),
        pytest.param("sign-out-everywhere", "user", id="the person wants more"),
    ],
)
def test_who_wanted_what_is_written_down(http, made, button, reason):
    choose(http, button)

    assert written() == (reason, "account", "red")


def test_what_an_app_proves_and_ends_by_itself_is_its_own_act(http, red, made):
    http.get("/session/end", query_string={"id_token_hint": id_token_of(red, made.grants["red"])})

    assert written() == ("rp_initiated", "client", "red")


def test_a_sign_out_that_no_app_asked_for_is_the_persons(http, made):
    choose(http, "sign-out", "/session/end")

    assert written() == ("user", "account", None)


@pytest.mark.parametrize(
    ("button", "ways_on"),
    [
        pytest.param("sign-out", [HOME], id="of the browser"),
        pytest.param("sign-out-everywhere", [HOME], id="everywhere"),
        pytest.param(
            "sign-out-this-app", [HOME, 'href="/account"'], id="of one app, and the session lives on"
        ),
    ],
)
def test_without_an_address_to_return_to_the_result_leads_back_to_the_app_that_asked(
    http, made, button, ways_on
):
    page = follow(http, choose(http, button))

    assert "Continue to Red" in page.text
    assert [way for way in ways_on if way in page.text] == ways_on
    assert page.text.count('class="button primary"') == 1


def test_a_question_that_waited_too_long_is_asked_anew_for_the_same_app(http, made, red, turned_clock):
    out = red.metadata_.post_logout_redirect_uris[0]
    with transaction():
        red.result_page = "never"
    asked = http.get(f"/session/end?client_id=red&post_logout_redirect_uri={out}&state=s")
    page = Page(http, follow(http, asked))
    turned_clock.turn(timedelta(minutes=31))

    again = Page(http, follow(http, page.press("sign-out")))

    assert "Red</strong> asks to sign you out" in again.html
    assert again.press("sign-out").headers["Location"] == f"{out}?state=s"


def gone(red):
    red.deleted_at = red.created_at


def disabled(red):
    red.disabled_at = red.created_at


def homeless(red):
    red.registered = {name: value for name, value in red.registered.items() if name != "client_uri"}


def of_another_scheme(red):
    red.registered = red.registered | {"client_uri": "javascript:alert(1)"}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("become", [gone, disabled, homeless, of_another_scheme])
def test_the_result_leads_to_no_app_that_cannot_be_gone_to(http, red, made, become):
    result = choose(http, "sign-out")
    with transaction():
        become(red)

    page = follow(http, result)

    assert page.status_code == 200
    assert 'id="continue"' not in page.text


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_sign_out_that_no_app_asked_for_leads_to_none(http, made):
    assert 'id="continue"' not in follow(http, choose(http, "sign-out", "/session/end")).text
