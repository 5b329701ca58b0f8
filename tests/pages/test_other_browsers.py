"""Sign out of all other browsers: what is shown before, what ends and what stays."""

import pytest
from sqlalchemy import select

from provider.audit.models import AuditEvent
from provider.infrastructure.database import db, transaction
from provider.logout.end_session import end
from provider.logout.models import Logout, LogoutReason
from provider.logout.notice import SID
from provider.logout.steps import Cause
from provider.sessions.queries import find_live
from tests.factories import make_account, make_session
from tests.support.browsers import Page, follow, show_session
from tests.support.reads import end_read


@pytest.fixture
def here(http, ada, red):
    made = make_session(ada, [red])
    show_session(http, made)
    return made


@pytest.fixture
def others(ada, red, green):
    return [make_session(ada, [red, green], offline=("green",)), make_session(ada, [red])]


def question(http) -> Page:
    return Page(http, http.get("/account/others"))


def revoked(grant) -> bool:
    end_read()
    db.session.refresh(db.session.merge(grant))
    return db.session.get(type(grant), grant.id).revoked_at is not None


def test_the_account_leads_to_the_question_where_there_is_another_session(http, here, ada):
    assert "/account/others" not in http.get("/account").text
    make_session(ada)
    assert 'href="/account/others"' in http.get("/account").text


def test_the_question_says_what_ends_and_ends_nothing(http, here, others):
    page = question(http)

    assert page.html.count("Firefox on Linux") == 2
    assert "this browser" not in page.html
    assert "2 browsers and devices" in page.html
    assert "can still act for you while you are away" in page.html
    assert all(find_live(made.handle) for made in [here, *others])


def test_every_other_session_ends_and_this_one_stays(http, here, others, browser):
    bens = make_session(make_account("ben"))

    response = question(http).press("sign-out-others-confirm")
    result = follow(http, response)

    assert find_live(here.handle)
    assert find_live(bens.handle)
    assert not any(find_live(made.handle) for made in others)
    sids = {client_session.sid for made in others for client_session in made.client_sessions.values()}
    assert set(db.session.scalars(select(SID))) == sids
    assert not revoked(here.grants["red"])
    assert revoked(others[0].grants["red"])
    assert not revoked(others[0].grants["green"])
    logout = db.session.scalars(select(Logout)).one()
    assert (logout.reason, logout.scope, logout.initiator, logout.sessions_ended) == (
        "user",
        "others",
        "account",
        2,
    )
    assert logout.grants_surviving == 1
    entry = db.session.scalars(select(AuditEvent).where(AuditEvent.tag == "logout")).one()
    assert entry.logout_id == logout.id
    assert "Every other browser is signed out" in result.text
    assert "You are still signed in in this browser." in result.text


def test_a_form_that_is_sent_twice_has_one_effect_and_the_same_response(http, here, others):
    page = question(http)

    first, again = page.press("sign-out-others-confirm"), page.press("sign-out-others-confirm")

    assert first.headers["Location"] == again.headers["Location"]
    assert len(db.session.scalars(select(Logout)).all()) == 1


def test_it_can_be_done_again_later(http, here, others, ada):
    question(http).press("sign-out-others-confirm")
    later = make_session(ada)

    question(http).press("sign-out-others-confirm")

    assert find_live(later.handle) is None
    assert find_live(here.handle)


def test_with_no_other_session_there_is_nothing_to_ask(http, here):
    page = question(http)

    assert page.response.status_code == 200
    assert "sign-out-others-confirm" not in page.buttons


def test_a_person_who_is_not_signed_in_signs_in_first(http, app):
    assert http.get("/account/others").headers["Location"].startswith("/sign-in/")


def test_a_forged_form_ends_nothing(http, here, others):
    page = question(http)
    page.fields["csrf"] = "x" * 43

    assert page.press("sign-out-others-confirm").status_code == 403
    assert all(find_live(made.handle) for made in others)


def test_a_session_that_ended_meanwhile_ends_no_others(http, here, others):
    page = question(http)
    with transaction():
        end(here.session, Cause(reason=LogoutReason.ADMIN, initiator="admin"))

    page.press("sign-out-others-confirm")

    assert all(find_live(made.handle) for made in others)
