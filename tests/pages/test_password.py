"""The password page: what must be shown before a password is changed, and what ends with it."""

import threading
from dataclasses import replace

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select

from provider.accounts import change, passwords
from provider.accounts.queries import find
from provider.audit.models import AuditEvent
from provider.delivery.models import Delivery
from provider.infrastructure import current
from provider.infrastructure.database import db, transaction
from provider.logout.end_session import end
from provider.logout.models import Logout, LogoutReason
from provider.logout.steps import Cause
from provider.sessions.queries import find_live
from tests.factories import PASSWORD, make_client, make_session
from tests.support.browsers import Page, show_session

NEW = "a quite different passphrase"


@pytest.fixture
def made(ada):
    return make_session(ada, [make_client("red")], offline=("red",))


def change_password(browser, *, current=PASSWORD, new=NEW, again=None):
    page = Page(browser, browser.get("/account/password"))
    return page.press("change", current=current, new=new, again=new if again is None else again)


def cookie_of(browser):
    return browser.get_cookie("curfew_session").value


def is_password(account, password):
    db.session.rollback()
    db.session.refresh(account)
    return passwords.verify(account, password)


def logouts():
    db.session.rollback()
    return list(db.session.scalars(select(Logout)))


def tags():
    return set(db.session.scalars(select(AuditEvent.tag)))


def test_the_password_is_changed_and_the_others_are_signed_out(http, ada, made):
    other = make_session(ada, [make_client("green")], offline=("green",))
    show_session(http, made)

    response = change_password(http)

    assert response.status_code == 303
    assert is_password(ada, NEW)
    assert not is_password(ada, PASSWORD)
    assert not find_live(other.handle)
    assert [(one.reason, one.sessions_ended, one.initiator) for one in logouts()] == [
        ("password_changed", 1, "account")
    ]
    owed = db.session.scalars(select(Delivery)).all()
    assert [delivery.recipient_id for delivery in owed] == [other.grants["green"].client_id]
    page = http.get(response.headers["Location"])
    assert "Your password is changed" in page.text
    assert "You stay signed in here." in page.text
    assert 'id="continue" href="/account"' in page.text
    assert tags() >= {"password_changed", "session_renewed", "logout"}


def test_this_browser_goes_on_under_a_new_handle(http, made):
    """SEC-707: the old one is revoked, in case another person has it."""
    show_session(http, made)

    change_password(http)

    assert cookie_of(http) != made.handle
    assert find_live(made.handle) is None
    assert find_live(cookie_of(http)).session.id == made.session.id
    assert http.get("/account").status_code == 200
    db.session.expire_all()
    assert made.grants["red"].revoked_at is None
    assert made.client_sessions["red"].ended_at is None


@pytest.mark.parametrize(
    ("typed", "status", "sentence", "wrong"),
    [
        pytest.param({"current": "wrong"}, 403, "The current password is incorrect.", "current", id="wrong"),
        pytest.param({"current": ""}, 400, "Enter your current password", None, id="no current one"),
        pytest.param({"new": ""}, 400, "Enter your current password", None, id="no new one"),
        pytest.param({"again": NEW + " "}, 400, "new passwords do not match", "again", id="mistyped"),
        pytest.param({"new": "short"}, 400, "at least 8 characters", "new", id="too short"),
        pytest.param({"new": "x1y" * 400}, 400, "too long", "new", id="too long"),
        pytest.param(
            {"new": "password123"},
            400,
            "attackers try first. Choose several unrelated words",
            "new",
            id="common",
        ),
        pytest.param(
            {"new": "my ada@example.test mail"}, 400, "contains your name or address", "new", id="an address"
        ),
        pytest.param({"new": "ada-curfew-ada"}, 400, "Choose several words that", "new", id="made of names"),
    ],
)
def test_what_is_refused_changes_nothing(http, ada, made, typed, status, sentence, wrong):
    show_session(http, made)

    page = change_password(http, **typed)

    assert page.status_code == status
    assert sentence in page.text
    assert page.text.count('aria-invalid="true"') == (wrong is not None)
    assert wrong is None or f'aria-describedby="{"new-hint " if wrong == "new" else ""}notice"' in page.text
    assert is_password(ada, PASSWORD)
    assert cookie_of(http) == made.handle
    assert logouts() == []
    assert "password_changed" not in tags()
    assert not any(value and value in page.text for value in typed.values() if len(value) > 6)


def test_the_new_password_is_another_one(http, ada, made):
    with transaction():
        change.set_password(ada, NEW)
    show_session(http, made)

    page = change_password(http, current=NEW)

    assert (page.status_code, "already your password" in page.text) == (400, True)
    assert logouts() == []


def test_guesses_at_the_current_password_are_limited_like_sign_ins(http, app, ada, made):
    services = app.extensions["curfew"]
    settings = replace(
        services.settings, sign_in_limit_browser="2 per hour", sign_in_limit_account="1 per 5 minutes"
    )
    app.extensions["curfew"] = replace(services, settings=settings)
    show_session(http, made)
    # Two that count for this browser alone, one as in any other browser of this network.
    for _ in range(3):
        assert change_password(http, current="wrong").status_code == 403

    response = change_password(http)

    assert response.status_code == 429
    assert 1 <= int(response.headers["Retry-After"]) <= 300
    assert is_password(ada, PASSWORD)


def test_a_page_that_is_too_busy_says_so(http, app, made):
    show_session(http, made)

    busy = replace(passwords.hashing(), slots=threading.BoundedSemaphore(1), longest_wait=0.01)
    current.services().memo["password_hashing"] = busy

    with busy.slots:
        response = change_password(http)

    assert response.status_code == 503
    assert cookie_of(http) == made.handle


@pytest.mark.parametrize("moment", ["password", "disabled", "signed out"])
def test_what_changes_while_passwords_are_hashed_counts(http, app, ada, made, monkeypatch, moment):
    """RACE-09: the check takes a while, and the world goes on; then nothing is changed here."""
    really_hash = PasswordHasher.hash
    show_session(http, made)

    def hash_slowly(hasher, password):
        monkeypatch.setattr(PasswordHasher, "hash", really_hash)
        thread = threading.Thread(target=lambda: meanwhile(app, ada.id, made.session, moment))
        thread.start()
        thread.join()
        return really_hash(hasher, password)

    monkeypatch.setattr(PasswordHasher, "hash", hash_slowly)

    page = change_password(http)

    assert page.status_code == 409
    assert "Nothing was changed here." in page.text
    assert not is_password(ada, NEW)
    assert "password_changed" not in tags()


def meanwhile(app, account_id, session, moment):
    with app.app_context(), transaction():
        if moment == "password":
            change.set_password(find(account_id), "another long passphrase")
        elif moment == "disabled":
            change.disable(find(account_id))
        else:
            merged = db.session.merge(session)
            assert end(merged, Cause(reason=LogoutReason.ADMIN, initiator="admin"))


def test_a_form_from_elsewhere_changes_nothing(http, ada, made):
    show_session(http, made)
    http.get("/account/password")

    response = http.post("/account/password", data={"current": PASSWORD, "new": NEW, "again": NEW})

    assert response.status_code == 403
    assert is_password(ada, PASSWORD)


def test_without_a_session_nothing_changes(http, ada):
    response = http.post("/account/password", data={"current": PASSWORD, "new": NEW, "again": NEW})

    assert response.headers["Location"].startswith("/sign-in/")
    assert is_password(ada, PASSWORD)


def test_the_fields_are_for_password_managers(http, made):
    page = show_session(http, made).get("/account/password").text

    assert 'type="password" id="current" name="current" autocomplete="current-password"' in page
    assert page.count('autocomplete="new-password"') == 2
    assert 'value="ada" autocomplete="username"' in page
    assert "onpaste" not in page
