"""A valid hint whose session the database has lost: its app is notified of the hint's `sid`, and only it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import select

from provider.audit.models import AuditEvent
from provider.delivery.models import Delivery
from provider.infrastructure import clock
from provider.infrastructure.database import db, transaction
from provider.inspection.check import check
from provider.logout.models import Logout
from provider.sessions.queries import find_live
from tests.factories import STRAIGHT_BACK, make_account, make_client, make_session
from tests.support.browsers import Page, follow, id_token_of, show_session
from tests.support.reads import end_read

LOST = "a-sid-that-no-row-has"


@pytest.fixture
def red(app):
    return make_client("red", settings=STRAIGHT_BACK)


def hint_of(client, account, sid=LOST, **changes):
    return id_token_of(client, SimpleNamespace(sub=account.sub, sid=sid), **changes)


def owed():
    end_read()
    return db.session.scalars(select(Delivery)).all()


def ask(http, hint, **more):
    return http.get("/session/end", query_string={"id_token_hint": hint} | more)


def test_its_app_is_notified_by_the_sid_that_the_hint_proves(http, ada, red):
    result = follow(http, ask(http, hint_of(red, ada)))

    delivery = owed()[0]
    assert (delivery.sid, delivery.sub, delivery.recipient_id) == (LOST, ada.sub, red.id)
    assert delivery.subject_key == "unknown_session"
    logout = db.session.scalars(select(Logout)).one()
    assert (logout.reason, logout.scope) == ("unknown_session", "app")
    assert logout.initiator_client_id == "red"
    assert list(db.session.scalars(select(AuditEvent.ip).where(AuditEvent.tag == "logout"))) == ["127.0.0.1"]
    assert (logout.sessions_ended, logout.client_sessions_ended) == (0, 0)
    assert (logout.grants_revoked, logout.notifications) == (0, 1)
    assert "Red" in result.text
    assert "You are signed out of this app" in result.text
    assert not [one for one in check() if one.wrong]


def test_asking_again_leads_the_same_way_and_owes_nothing_more(http, ada, red):
    first, again = (ask(http, hint_of(red, ada)) for _ in range(2))

    assert first.headers["Location"] == again.headers["Location"]
    assert len(owed()) == 1


def test_the_person_is_sent_back_as_always(http, ada, red):
    back = ask(http, hint_of(red, ada), post_logout_redirect_uri="https://red.test/signed-out", state="s")

    assert back.headers["Location"] == "https://red.test/signed-out?state=s"
    assert len(owed()) == 1


def test_a_cross_site_post_is_taken_too(http, ada, red):
    result = follow(http, http.post("/session/end", data={"id_token_hint": hint_of(red, ada)}))

    assert len(owed()) == 1
    assert "Red" in result.text


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_session_of_this_browser_is_asked_about_and_lives(http, ada, red, method):
    made = make_session(ada, [red])
    show_session(http, made)
    sent = {"id_token_hint": hint_of(red, ada)}
    response = http.post("/session/end", data=sent) if method == "POST" else ask(http, sent["id_token_hint"])
    asked = Page(http, follow(http, response))

    assert "sign-out" in asked.buttons
    assert [delivery.sid for delivery in owed()] == [LOST]
    assert find_live(made.handle) is not None


@pytest.mark.parametrize("why", ["person unknown", "no address", "sub alone"])
def test_no_notification_is_stated_where_no_app_can_be_notified(http, ada, why):
    settings = {"logout_token_names": "sub"} if why == "sub alone" else {}
    address = {"backchannel_logout_uri": None} if why == "no address" else {}
    red = make_client("red", settings=settings, **address)
    if why == "sub alone":
        # A token with `sub` alone would end this one.
        make_session(ada, [red])
    sub = {"sub": "a-person-who-was-lost-too"} if why == "person unknown" else {}
    result = follow(http, ask(http, hint_of(red, ada, **sub)))

    assert owed() == []
    assert "We do not know this sign-in" in result.text
    assert "signed out" not in result.text.replace("sign out there", "")
    assert 'id="continue"' in result.text


@pytest.mark.parametrize("living", ["of another app", "of another person", "ended", "left by the app"])
def test_a_token_that_names_sub_alone_is_owed_where_it_ends_nothing_that_lives(http, ada, living):
    red = make_client("red", settings={"logout_token_names": "sub"})
    person = make_account("ben") if living == "of another person" else ada
    made = make_session(person, [make_client("blue") if living == "of another app" else red])
    with transaction():
        if living == "ended":
            made.session.ended_at = clock.now()
        elif living == "left by the app":
            made.client_sessions["red"].ended_at = clock.now()

    follow(http, ask(http, hint_of(red, ada)))

    assert [(one.recipient_id, one.sid, one.sub) for one in owed()] == [(red.id, None, ada.sub)]


def test_a_person_is_found_by_the_sub_that_only_this_app_knows(http, ada, red):
    blue, ben = make_client("blue"), make_account("ben")
    at_red, at_blue = make_session(ada, [red]), make_session(ben, [blue])
    with transaction():
        at_red.grants["red"].sub = "ada-at-red"
        # What another app calls by the same name says nothing about red's people.
        at_blue.grants["blue"].sub = "ada-at-red"

    follow(http, ask(http, hint_of(red, ada, sub="ada-at-red")))

    assert [(one.sub, one.account_id) for one in owed()] == [("ada-at-red", ada.id)]


def test_no_person_is_found_by_the_sub_that_only_another_app_knows(http, ada, red):
    made = make_session(ada, [make_client("green")])
    with transaction():
        made.grants["green"].sub = "known-to-green"
    hint = id_token_of(red, SimpleNamespace(sub="known-to-green", sid=LOST))

    ask(http, hint)

    assert owed() == []


def test_the_notification_is_meaningful_as_long_as_a_session_of_that_app(http, ada, turned_clock):
    brief = make_client("red", settings=STRAIGHT_BACK | {"session_lifetime": timedelta(minutes=5)})

    ask(http, hint_of(brief, ada))

    assert owed()[0].expires_at == turned_clock() + timedelta(minutes=5)


@pytest.mark.parametrize("flaw", [{"iss": "https://other.test"}, {"aud": "blue"}, {"sid": None}], ids=str)
def test_a_hint_that_proves_nothing_notifies_no_app(http, ada, red, flaw):
    follow(http, ask(http, hint_of(red, ada, **flaw)))

    assert owed() == []


def test_an_ended_session_is_known_and_not_notified_again(http, ada, red):
    made = make_session(ada, [red])
    show_session(http, made)
    hint = id_token_of(red, made.grants["red"])
    ask(http, hint)
    assert len(owed()) == 1
    ask(http, hint)

    assert len(owed()) == 1


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_many_at_once_owe_it_once(app, browser, ada, red):
    hint = hint_of(red, ada)
    with ThreadPoolExecutor(8) as pool:
        responses = list(pool.map(lambda _: ask(browser(), hint).status_code, range(8)))

    assert set(responses) == {303}
    assert len(owed()) == 1
