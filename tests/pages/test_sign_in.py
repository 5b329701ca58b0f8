"""The sign-in page: who is let in, who is not, and what is said about it."""

import re

import pytest
from sqlalchemy import select

from provider.accounts import change
from provider.administration import clients
from provider.audit.models import AuditEvent
from provider.infrastructure.database import db, transaction
from provider.logout.models import Logout
from provider.protocol.client_registration import read_registration
from provider.sessions.queries import find_live
from tests.factories import PASSWORD, make_account, make_session
from tests.support.browsers import Page, show_session

WRONG = "The user name or password is incorrect."


def sign_in(browser, handle, username="ada", password=PASSWORD, **headers):
    page = Page(browser, browser.get(f"/sign-in/{handle}"))
    return page.press("sign-in", username=username, password=password)


def cookie_of(browser):
    cookie = browser.get_cookie("curfew_session")
    return cookie.value if cookie else None


def entries():
    return list(db.session.scalars(select(AuditEvent).order_by(AuditEvent.id)))


def test_the_page_says_which_app_asks_and_fills_in_the_expected_name(http, parked):
    page = http.get(f"/sign-in/{parked(http, login_hint='ada')}")

    assert page.status_code == 200
    assert "Red &lt;Notes&gt;" in page.text
    assert "red.test" in page.text
    assert 'value="ada"' in page.text
    assert 'autocomplete="username"' in page.text
    assert 'type="password" id="password" name="password" autocomplete="current-password"' in page.text


@pytest.mark.spec("core 3, core 5")
def test_the_page_speaks_the_language_that_the_app_asks_for(http, parked):
    page = http.get(f"/sign-in/{parked(http, ui_locales='fr de')}", headers={"Accept-Language": "en"})

    assert '<html lang="de">' in page.text


def test_a_page_that_was_shown_before_is_the_next_persons_own(app, browser, parked, red):
    ben = browser()
    first = ben.get(f"/sign-in/{parked(ben)}")
    adas = browser()
    handle = parked(adas)

    page = adas.get(f"/sign-in/{handle}")

    tokens = [re.search(r'name="csrf" value="(.{43})"', one.text) for one in (first, page)]
    assert page.text.replace(tokens[1][1], tokens[0][1]) == first.text
    assert tokens[1][1] != tokens[0][1]
    assert page.headers["Content-Security-Policy"] == first.headers["Content-Security-Policy"]
    assert page.headers["Vary"] == "Accept-Language, Cookie"
    assert '<html lang="de">' in adas.get(f"/sign-in/{handle}", headers={"Accept-Language": "de"}).text


def test_a_new_name_of_the_app_is_shown_at_once(http, parked, red):
    address = f"/sign-in/{parked(http)}"
    http.get(address)

    with transaction():
        clients.update(red, read_registration(red.registered | {"client_name": "Scarlet"}))

    assert "Scarlet" in http.get(address).text


def test_the_right_password_begins_a_session_and_leads_back_to_the_request(http, parked, ada):
    handle = parked(http)

    response = sign_in(http, handle)

    assert (response.status_code, response.headers["Location"]) == (303, f"/authorize/resume/{handle}")
    found = find_live(cookie_of(http))
    assert found.account.id == ada.id
    written = {entry.tag: entry for entry in entries()}
    assert set(written) == {"session_started", "sign_in_succeeded"}
    assert written["sign_in_succeeded"].client_id == "red"


def test_only_the_person_can_cancel(http, browser, parked):
    handle = parked(http)
    form = {"cancel": "true"}

    assert http.post(f"/sign-in/{handle}", data=form).status_code == 403
    assert browser().post(f"/sign-in/{handle}", data=form).status_code == 410


@pytest.mark.parametrize("username", ["ADA", "  ada ", "Ａｄａ"])
def test_case_and_width_of_the_name_do_not_matter(http, parked, ada, username):
    assert sign_in(http, parked(http), username=username).status_code == 303


@pytest.mark.parametrize(
    ("username", "password"),
    [
        pytest.param("ada", "not her password", id="a wrong password"),
        pytest.param("nobody", PASSWORD, id="an unknown name"),
        pytest.param("ada", PASSWORD + " ", id="a space at the end"),
        pytest.param("ada\0", PASSWORD, id="the character NUL"),
        pytest.param("a" * 300, PASSWORD, id="an impossible name"),
        pytest.param("ada", "x" * 2000, id="an impossible password"),
    ],
)
def test_every_refusal_says_the_same_and_is_written_down(http, parked, ada, username, password):
    page = sign_in(http, parked(http), username=username, password=password)

    assert page.status_code == 200
    assert WRONG in page.text
    assert cookie_of(http) is None
    assert [entry.tag for entry in entries()] == ["sign_in_refused"]
    assert password not in page.text


def test_a_disabled_person_hears_the_same_sentence(http, parked, ada):
    with transaction():
        change.disable(ada)

    assert WRONG in sign_in(http, parked(http)).text
    assert cookie_of(http) is None


@pytest.mark.parametrize("typed", [{}, {"username": "ada"}, {"password": PASSWORD}, {"username": " "}])
def test_an_empty_form_comes_back_with_a_sentence(http, parked, ada, typed):
    page = Page(http, http.get(f"/sign-in/{parked(http)}"))

    response = page.press("sign-in", **({"username": "", "password": ""} | typed))

    assert response.status_code == 200
    assert "Enter your user name and your password." in response.text
    assert entries() == []


@pytest.mark.spec("core 7")
def test_a_form_from_another_site_does_not_sign_in(http, parked, ada):
    handle = parked(http)

    response = http.post(f"/sign-in/{handle}", data={"username": "ada", "password": PASSWORD})

    assert response.status_code == 403
    assert cookie_of(http) is None


def test_a_planted_handle_is_not_the_one_after_sign_in(http, parked, ada):
    planted = "p" * 43
    http.set_cookie("curfew_session", planted)

    sign_in(http, parked(http))

    assert cookie_of(http) != planted
    assert find_live(planted) is None


def test_the_same_person_keeps_the_session_under_a_new_handle(http, parked, ada):
    made = make_session(ada)
    show_session(http, made)

    sign_in(http, parked(http))

    assert find_live(made.handle) is None
    assert find_live(cookie_of(http)).session.id == made.session.id


def test_another_person_replaces_the_session_and_its_apps_are_notified(http, parked, ada, red):
    made = make_session(make_account("ben"), [red])
    show_session(http, made)

    sign_in(http, parked(http))

    assert find_live(made.handle) is None
    assert find_live(cookie_of(http)).account.id == ada.id
    ended = db.session.scalars(select(Logout)).one()
    assert (ended.reason, ended.notifications) == ("session_replaced", 1)
