"""The pages behind one-time links: they work once, in time, and opening one changes nothing."""

import pytest

from provider.accounts.passwords import verify
from provider.accounts.queries import find, find_by_username
from provider.accounts.roles import Role
from provider.administration import accounts, roles
from provider.infrastructure.database import db, transaction
from tests.factories import make_session
from tests.support.browsers import Page, show_session
from tests.support.reads import end_read

NEW = "a quite different passphrase"


def status_and_heading(response) -> tuple[int, bool]:
    return response.status_code, 'id="invalid"' in response.get_data(as_text=True)


@pytest.fixture
def first(app):
    with transaction():
        _row, handle = roles.offer_first()
    return f"/account/first-administrator/{handle}"


@pytest.fixture
def reset(ada):
    with transaction():
        _outcome, handle = accounts.begin_reset(ada)
    return f"/account/new-password/{handle}"


def test_a_person_without_an_account_becomes_the_administrator(http, first):
    response = Page(http, http.get(first)).press("become", username="cleo", new=NEW, again=NEW)

    assert response.status_code == 200
    assert 'id="first_administrator"' in response.get_data(as_text=True)
    assert 'href="/admin"' in response.get_data(as_text=True)
    end_read()
    cleo = find_by_username("cleo")
    assert (cleo.role, verify(cleo, NEW)) == (Role.ADMINISTRATOR, True)
    assert status_and_heading(http.get(first)) == (404, True)


def test_a_person_who_is_signed_in_needs_no_other_account(http, ada, first):
    show_session(http, make_session(ada))
    page = Page(http, http.get(first))
    assert "username" not in page.fields

    assert page.press("become").status_code == 200

    db.session.rollback()
    db.session.refresh(ada)
    assert ada.role == Role.ADMINISTRATOR


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        pytest.param({"username": " "}, "and the password twice", id="no name"),
        pytest.param({"again": "another"}, "and the password twice", id="two passwords"),
        pytest.param({"new": "short", "again": "short"}, "at least", id="a short password"),
        pytest.param({"username": "ada"}, "cannot be used", id="a taken name"),
        pytest.param({"username": "a\u202eb"}, "cannot be used", id="an invisible sign"),
    ],
)
def test_a_wrong_form_leaves_the_link_good(http, ada, first, typed, said):
    page = Page(http, http.get(first))

    refused = page.press("become", **({"username": "cleo", "new": NEW, "again": NEW} | typed))

    assert refused.status_code == 400
    assert said in refused.get_data(as_text=True)
    end_read()
    assert find_by_username("cleo") is None
    assert http.get(first).status_code == 200


def test_a_form_of_another_browser_is_refused(http, browser, first):
    stranger = browser()
    page = Page(stranger, stranger.get(first))

    response = http.post(first, data=page.fields | {"username": "ben", "new": NEW, "again": NEW})

    assert response.status_code == 403
    end_read()
    assert find_by_username("ben") is None


def test_an_unknown_link_says_so(http, app):
    for path in ("/account/first-administrator/nothing", "/account/new-password/nothing"):
        assert status_and_heading(http.get(path)) == (404, True)
        assert status_and_heading(http.post(path)) == (404, True)


@pytest.mark.spec("SEC-629")
def test_a_person_sets_a_new_password_once(http, ada, reset):
    assert http.get(reset).status_code == 200
    response = Page(http, http.get(reset)).press("set", new=NEW, again=NEW)

    assert 'id="new_password"' in response.get_data(as_text=True)
    end_read()
    db.session.refresh(ada)
    assert verify(find(ada.id), NEW)
    assert status_and_heading(http.get(reset)) == (404, True)
    assert status_and_heading(http.post(reset, data={"new": "x", "again": "x"})) == (404, True)


@pytest.mark.parametrize(("new", "again"), [("", ""), (NEW, "other"), ("short", "short")])
def test_a_bad_password_leaves_the_link_good(http, reset, new, again):
    refused = Page(http, http.get(reset)).press("set", new=new, again=again)

    assert refused.status_code == 400
    assert http.get(reset).status_code == 200


def test_a_link_of_a_disabled_person_is_void(http, ada, reset):
    with transaction():
        accounts.disable(ada)

    assert status_and_heading(http.get(reset)) == (404, True)
