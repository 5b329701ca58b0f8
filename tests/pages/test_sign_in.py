"""The sign-in page: who is let in, who is not, and what is said about it."""

import re
import threading
import time
from dataclasses import replace
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select

from provider.accounts import change
from provider.audit.models import AuditEvent
from provider.infrastructure.database import db, transaction
from provider.logout.models import Logout
from provider.sessions.models import Session
from provider.sessions.queries import find_live
from tests.factories import PASSWORD, make_account, make_client, make_session
from tests.support.browsers import Page, follow, show_session
from tests.support.relying_party import RelyingParty, type_password

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


def test_the_right_password_begins_a_session_and_leads_back_to_the_request(http, parked, ada):
    handle = parked(http)

    answer = sign_in(http, handle)

    assert (answer.status_code, answer.headers["Location"]) == (303, f"/authorize/resume/{handle}")
    found = find_live(cookie_of(http))
    assert found.account.id == ada.id
    written = {entry.tag: entry for entry in entries()}
    assert set(written) == {"session_started", "sign_in_succeeded"}
    assert written["sign_in_succeeded"].client_id == "red"


def test_nobody_else_can_cancel_for_the_person(http, browser, parked):
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
        pytest.param("nobody", PASSWORD, id="a name that nobody has"),
        pytest.param("ada", PASSWORD + " ", id="a space at the end"),
        pytest.param("ada\0", PASSWORD, id="the character NUL"),
        pytest.param("a" * 300, PASSWORD, id="a name that nobody can have"),
        pytest.param("ada", "x" * 2000, id="a password that nobody can have"),
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

    answer = page.press("sign-in", **({"username": "", "password": ""} | typed))

    assert answer.status_code == 200
    assert "Enter your user name and your password." in answer.text
    assert entries() == []


def test_a_request_of_another_browser_is_nothing_here(http, browser, parked, ada):
    handle = parked(http)
    page = Page(http, http.get(f"/sign-in/{handle}"))
    other = browser()

    shown = other.get(f"/sign-in/{handle}")
    sent = other.post(f"/sign-in/{handle}", data=page.fields | {"username": "ada", "password": PASSWORD})

    assert (shown.status_code, sent.status_code) == (410, 410)
    assert 'id="error-heading"' in shown.text
    assert db.session.scalar(select(Session)) is None


def test_an_expired_request_is_explained_with_a_next_step(http, parked, turned_clock):
    handle = parked(http)

    turned_clock.turn(timedelta(hours=1))
    page = http.get(f"/sign-in/{handle}")

    assert page.status_code == 410
    assert 'data-reason="expired"' in page.text
    assert 'id="continue" href="https://red.test"' in page.text
    assert "Go to Red &lt;Notes&gt;" in page.text


def reason_of(page) -> str:
    assert page.status_code == 410
    return re.search(r'data-reason="(\w+)"', page.text)[1]


def test_where_an_app_lets_a_sign_in_begin_the_next_step_leads_there(http, parked, turned_clock):
    begins = make_client("green", initiate_login_uri="https://green.test/begin?a=b")
    handle = parked(http, begins)

    turned_clock.turn(timedelta(hours=1))

    assert 'href="https://green.test/begin?a=b&amp;iss=http%3A%2F%2Flocalhost%3A8900"' in (
        http.get(f"/sign-in/{handle}").text
    )


def test_each_reason_why_nothing_waits_is_said_by_itself(http, browser, parked, red):
    handle = parked(http)
    other = browser()
    assert reason_of(other.get(f"/sign-in/{handle}")) == "no_cookie"
    other.set_cookie("curfew_browser", "y" * 43)
    shown = other.get(f"/sign-in/{handle}")
    assert reason_of(shown) == "other_browser"
    assert 'href="https://red.test"' in shown.text
    assert reason_of(other.get(f"/sign-in/{'x' * 43}")) == "unknown"

    with transaction():
        red.disabled_at = red.created_at
    shown = http.get(f"/sign-in/{handle}")

    assert reason_of(shown) == "app_disabled"
    assert "Red &lt;Notes&gt; is disabled here" in shown.text
    assert 'id="continue" href="/"' in shown.text


def test_the_address_of_an_app_that_registered_itself_is_shown_before_anybody_goes_there(
    http, parked, red, turned_clock
):
    with transaction():
        red.self_registered = True
    handle = parked(http)

    turned_clock.turn(timedelta(hours=1))

    assert 'id="continue" href="/apps/red/open"' in http.get(f"/sign-in/{handle}").text


def test_an_expired_sign_in_for_the_account_begins_again_there(http, turned_clock):
    address = http.get("/account/password").headers["Location"]

    turned_clock.turn(timedelta(hours=1))
    page = http.get(address)

    assert reason_of(page) == "expired"
    assert 'id="continue" href="/account/password"' in page.text


def test_a_page_that_is_reloaded_goes_on_once_somebody_has_signed_in(http, ada, app):
    rp = RelyingParty(app, "green")
    waiting = rp.authorize(http)
    type_password(http, rp.authorize(http))

    answer = follow(http, http.get(waiting.headers["Location"]))

    assert answer.headers["Location"].startswith(f"{rp.redirect_uri}?code=")


@pytest.mark.parametrize("signed_in_before", [True, False])
@pytest.mark.parametrize("demand", [{"prompt": "login"}, {"max_age": "0"}])
def test_a_reload_is_no_way_around_a_sign_in_that_the_app_demands(http, ada, app, demand, signed_in_before):
    rp = RelyingParty(app, "green")
    if signed_in_before:
        type_password(http, rp.authorize(http))
    waiting = rp.authorize(http, **demand)
    if not signed_in_before:
        type_password(http, rp.authorize(http))

    for _ in range(2):
        shown = follow(http, http.get(waiting.headers["Location"]))
        assert 'id="password"' in shown.text


def test_a_renewed_sign_in_elsewhere_is_noticed_too(http, ada, app, turned_clock):
    rp = RelyingParty(app, "green")
    type_password(http, rp.authorize(http))
    turned_clock.turn(timedelta(minutes=5))
    waiting = rp.authorize(http, max_age="60")
    assert 'id="password"' in follow(http, waiting).text
    type_password(http, rp.authorize(http, prompt="login"))

    answer = follow(http, http.get(waiting.headers["Location"]))

    assert answer.headers["Location"].startswith(f"{rp.redirect_uri}?code=")


def test_a_reloaded_sign_in_for_the_account_opens_it(http, ada, parked):
    address = http.get("/account").headers["Location"]
    sign_in(http, parked(http))

    assert http.get(address).headers["Location"] == "/account"


def test_signing_in_begins_at_an_app(http):
    page = http.get("/sign-in")

    assert page.status_code == 200
    assert 'id="continue"' in page.text


@pytest.mark.spec("core 7")
def test_a_form_from_elsewhere_signs_nobody_in(http, parked, ada):
    handle = parked(http)

    answer = http.post(f"/sign-in/{handle}", data={"username": "ada", "password": PASSWORD})

    assert answer.status_code == 403
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


def test_too_many_failures_are_stopped_whatever_the_password_then(app, http, parked, ada):
    limited(app, account="3 per 5 minutes")
    for _ in range(3):
        assert sign_in(http, parked(http), password="wrong").status_code == 200

    refused = sign_in(http, parked(http))

    assert refused.status_code == 429
    assert "Retry-After" in refused.headers
    assert cookie_of(http) is None


def test_a_success_forgets_the_failures_of_that_name_alone(app, http, parked, ada):
    limited(app, account="3 per 5 minutes")
    make_account("ben")
    for name in ("ada", "ada", "ben", "ben", "ben"):
        sign_in(http, parked(http), username=name, password="wrong")

    assert sign_in(http, parked(http)).status_code == 303
    assert sign_in(http, parked(http), password="wrong").status_code == 200
    assert sign_in(http, parked(http), username="ben").status_code == 429


def test_failures_from_one_address_are_limited_over_all_names(app, http, parked, ada):
    limited(app, address="2 per 5 minutes")
    for name in ("one", "two"):
        sign_in(http, parked(http), username=name)

    assert sign_in(http, parked(http)).status_code == 429


def test_a_name_that_nobody_has_is_limited_like_any_other(app, http, parked):
    limited(app, account="2 per 5 minutes")
    answers = [sign_in(http, parked(http), username="nobody").status_code for _ in range(3)]

    assert answers == [200, 200, 429]


def limited(app, *, account="1000 per minute", address="1000 per minute"):
    house = app.extensions["curfew"]
    settings = replace(house.settings, sign_in_limit_account=account, sign_in_limit_address=address)
    app.extensions["curfew"] = replace(house, settings=settings)


@pytest.mark.parametrize("moment", ["password", "disabled"])
def test_what_changes_while_the_password_is_checked_counts(app, http, parked, ada, monkeypatch, moment):
    """RACE-09, RACE-10: the check takes a while, and the world goes on."""
    really_verify = PasswordHasher.verify

    def verify_slowly(hasher, checked, password):
        is_right = really_verify(hasher, checked, password)
        thread = threading.Thread(target=lambda: change_ada(app, ada.id, moment))
        thread.start()
        thread.join()
        return is_right

    monkeypatch.setattr(PasswordHasher, "verify", verify_slowly)

    assert WRONG in sign_in(http, parked(http)).text
    assert db.session.scalar(select(Session)) is None
    assert entries()[-1].detail["reason"] == "changed_meanwhile"


def change_ada(app, account_id, moment):
    from provider.accounts.queries import find

    with app.app_context(), transaction():
        account = find(account_id)
        if moment == "password":
            change.set_password(account, "another long passphrase")
        else:
            change.disable(account)


@pytest.mark.spec("THR-35, SEC-623")
@pytest.mark.parametrize(
    ("memory", "passes"),
    [
        pytest.param(1024, 1, id="cheaper ones"),
        pytest.param(8 * 1024, 6, id="costlier ones"),
    ],
)
def test_a_hash_with_other_settings_takes_as_long_as_an_unknown_name(app, http, parked, ada, memory, passes):
    house = app.extensions["curfew"]
    now_set = replace(house.settings, argon2_memory=12 * 1024, argon2_passes=2)
    app.extensions["curfew"] = replace(house, settings=now_set, memo={})
    older = PasswordHasher(time_cost=passes, memory_cost=memory, parallelism=1)
    with transaction():
        ada.password_hash = older.hash(PASSWORD)

    def least_seconds(username):
        """CPU time, so that other processes do not matter; a hash is computed in the thread that asks."""
        pages = [Page(http, http.get(f"/sign-in/{parked(http)}")) for _ in range(3)]
        taken = []
        for page in pages:
            begun = time.thread_time()
            assert WRONG in page.press("sign-in", username=username, password="wrong").text
            taken.append(time.thread_time() - begun)
        return min(taken)

    of_ada = least_seconds("ada")

    assert 0.7 < of_ada / least_seconds("nobody") < 1.4


def test_an_old_hash_is_made_anew_at_the_next_sign_in(app, http, parked, ada):
    before = ada.password_hash
    house = app.extensions["curfew"]
    stronger = replace(house, settings=replace(house.settings, argon2_passes=2), memo={})
    app.extensions["curfew"] = stronger

    sign_in(http, parked(http))
    db.session.refresh(ada)

    assert ada.password_hash != before
    assert sign_in(http, parked(http)).status_code == 303
