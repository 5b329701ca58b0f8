"""The account page: what a person sees of their sessions and apps, and how they come to it."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from provider.audit.models import AuditEvent
from provider.infrastructure.database import db
from provider.interactions.models import Interaction
from provider.sessions.queries import find_live
from tests.factories import PASSWORD, make_account, make_client, make_session
from tests.support.browsers import Page, show_session


@pytest.fixture
def ada(app):
    return make_account("ada", name="Ada <Lovelace>")


def sign_in_for(browser, address):
    """Open a page of the account signed out, and sign in as it asks."""
    asked = browser.get(address)
    assert asked.status_code == 303
    return Page(browser, browser.get(asked.headers["Location"]))


def test_the_page_shows_where_a_person_is_signed_in_and_with_which_apps(http, ada):
    red, green = make_client("red"), make_client("green")
    here = make_session(ada, [red, green], offline=("green",))
    elsewhere = make_session(ada, [red])
    make_session(make_account("ben"), [make_client("blue")])

    page = show_session(http, here).get("/account")

    assert page.status_code == 200
    assert "Ada &lt;Lovelace&gt;" in page.text
    assert page.text.count('"state good">this browser</span>') == 1
    assert f'id="session-{here.session.id}" data-own' in page.text
    assert f'id="sign-out-session-{elsewhere.session.id}"' in page.text
    assert page.text.count("192.0.2.1") == 2
    assert "in this browser and 1 other" in page.text
    assert "can act for you while you are away" in page.text
    assert "Blue" not in page.text
    assert "no-store" in page.headers["Cache-Control"]


def test_the_buttons_have_stable_ids(http, ada):
    made = make_session(ada, [make_client("red")])
    other = make_session(ada, [make_client("green")], offline=("green",))

    page = Page(http, show_session(http, made).get("/account"))

    assert page.buttons == {
        *("sign-out", "sign-out-here", f"sign-out-session-{other.session.id}"),
        *("sign-out-app-red", "disconnect-red", "disconnect-green"),
    }
    assert 'id="sign-out-everywhere" href="/account/everywhere"' in page.html


def test_each_verb_says_before_what_it_takes_along(http, ada):
    red, green = make_client("red", backchannel_logout_uri=None), make_client("green")
    made = make_session(ada, [red, green], offline=("green",))
    make_session(ada)

    page = show_session(http, made).get("/account").text
    everywhere = http.get("/account/everywhere").text

    assert "Ends your sign-in here and at Green, Red." in page
    assert "Green can still act for you until" in page
    assert "Red cannot be notified" in page
    assert "2 browsers and devices" in everywhere
    assert "2 apps" in everywhere
    assert everywhere.count("will be notified") == 1
    assert "including access while you are away" in everywhere


@pytest.mark.parametrize("sessions", [1, 30])
def test_the_page_takes_a_constant_number_of_statements(http, ada, statements, sessions):
    red = make_client("red")
    made = [make_session(ada, [red], offline=("red",)) for _ in range(sessions)]
    show_session(http, made[0])

    with statements() as seen:
        assert http.get("/account").status_code == 200
    assert len([one for one in seen if one.startswith("SELECT")]) == 5


@pytest.mark.parametrize("address", ["/account", "/account/everywhere", "/account/password"])
def test_a_signed_out_person_signs_in_without_an_app_and_comes_back(http, ada, address):
    form = sign_in_for(http, address)
    assert "to see where you are signed in" in form.html

    response = form.press("sign-in", username="ada", password=PASSWORD)

    assert (response.status_code, response.headers["Location"]) == (303, address)
    assert http.get(address).status_code == 200
    entries = db.session.scalars(select(AuditEvent)).all()
    assert {(entry.tag, entry.client_id) for entry in entries} >= {("sign_in_succeeded", None)}


def test_a_wrong_password_is_reported_on_the_same_page(http, ada):
    response = sign_in_for(http, "/account").press("sign-in", username="ada", password="wrong")

    assert "The user name or password is incorrect." in response.text


def test_the_sign_in_page_of_the_account_is_for_this_browser_and_once(http, browser, ada):
    address = http.get("/account").headers["Location"]

    assert browser().get(address).status_code == 410
    Page(http, http.get(address)).press("sign-in", username="ada", password=PASSWORD)
    again = http.get(address)
    assert (again.status_code, again.headers["Location"]) == (303, "/account")


@pytest.mark.usefixtures("nothing_sealed")
def test_what_is_parked_leads_to_pages_of_ours_only(http, ada):
    asked = http.get("/account").headers["Location"]
    parked = db.session.scalars(select(Interaction)).one()
    assert parked.parameters == {"page": "account"}

    parked.parameters = {"page": "https://elsewhere.test"}
    db.session.commit()

    response = Page(http, http.get(asked)).press("sign-in", username="ada", password=PASSWORD)
    assert response.headers["Location"] == "/account"


def test_an_expired_session_is_signed_out_here_too(http, app, ada, turned_clock):
    made = make_session(ada)
    show_session(http, made)
    turned_clock.turn(timedelta(days=2))

    assert http.get("/account").status_code == 303
    assert find_live(made.handle) is None


def test_the_front_page_leads_to_the_account(http, ada):
    assert 'href="/account"' in http.get("/").text
    show_session(http, make_session(ada))
    assert 'href="/account"' in http.get("/").text


def test_the_page_allows_our_script_and_nothing_more(http, ada):
    page = show_session(http, make_session(ada)).get("/account")

    policy = page.headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "connect-src" not in policy
    assert "unsafe" not in policy
    assert "script-src" not in http.get("/nowhere").headers["Content-Security-Policy"]


def test_a_person_who_uses_the_page_is_not_idle(http, ada, settings, turned_clock):
    made = make_session(ada, [])
    show_session(http, made)

    for _ in range(3):
        turned_clock.turn(settings.session_idle_lifetime - timedelta(minutes=5))
        assert http.get("/account").status_code == 200

    turned_clock.turn(settings.session_idle_lifetime)
    assert http.get("/account").status_code == 303


def test_a_second_look_at_the_page_writes_nothing(http, ada, statements):
    show_session(http, make_session(ada, []))

    with statements() as seen:
        http.get("/account")

    assert not [statement for statement in seen if statement.startswith("UPDATE")]
