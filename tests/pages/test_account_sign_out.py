"""The buttons of the account page: the three verbs, other people's things, forms that come twice."""

import threading
import uuid

import pytest
from sqlalchemy import select

from provider.delivery.models import Delivery
from provider.grants.models import Grant
from provider.infrastructure.database import db
from provider.logout.models import Logout
from provider.sessions.models import ClientSession
from provider.sessions.queries import find_live
from tests.factories import make_account, make_session
from tests.support.browsers import Page, show_session


def account_page(browser, made):
    return Page(browser, show_session(browser, made).get("/account"))


def logouts():
    # What other threads have written is seen by a new read only.
    db.session.rollback()
    return list(db.session.scalars(select(Logout).order_by(Logout.id)))


def notified():
    return db.session.scalars(select(Delivery.recipient_id)).all()


def is_living(model, row):
    db.session.expire_all()
    ended = {Grant: "revoked_at", ClientSession: "ended_at"}[model]
    return getattr(db.session.get(model, row.id), ended) is None


def test_another_browser_is_signed_out_and_this_one_stays(http, ada, red):
    made, other = make_session(ada, [red]), make_session(ada, [red])

    response = account_page(http, made).press(f"sign-out-session-{other.session.id}")
    page = http.get(response.headers["Location"])

    assert response.status_code == 303
    assert find_live(made.handle)
    assert not find_live(other.handle)
    assert [(one.reason, one.scope, one.initiator) for one in logouts()] == [("user", "browser", "account")]
    assert notified() == [red.id]
    assert "The other browser is signed out" in page.text
    assert 'id="continue" href="/account"' in page.text
    assert http.get("/account").status_code == 200


@pytest.mark.parametrize("button", ["sign-out", "sign-out-here"])
def test_this_browser_is_signed_out(http, ada, red, green, button):
    made, other = make_session(ada, [red, green], offline=("green",)), make_session(ada)

    response = account_page(http, made).press(button)

    assert not find_live(made.handle)
    assert find_live(other.handle)
    assert set(notified()) == {red.id, green.id}
    assert is_living(Grant, made.grants["green"])
    assert not is_living(Grant, made.grants["red"])
    assert http.get_cookie("curfew_session") is None
    assert response.headers["Clear-Site-Data"] == '"storage"'
    page = http.get(response.headers["Location"])
    assert "You are signed out" in page.text
    assert "/account" not in page.text


def test_one_app_is_signed_out_here_and_may_still_act_while_one_is_away(http, ada, red, green):
    made = make_session(ada, [red, green], offline=("red",))

    response = account_page(http, made).press("sign-out-app-red")

    assert not is_living(ClientSession, made.client_sessions["red"])
    assert is_living(ClientSession, made.client_sessions["green"])
    assert is_living(Grant, made.grants["red"])
    assert notified() == [red.id]
    page = http.get(response.headers["Location"])
    assert "You are signed out of this app" in page.text
    assert "disconnect-red" in http.get("/account").text


def test_an_app_is_disconnected_everywhere(http, ada, red, green):
    made = make_session(ada, [red, green], offline=("red",))
    other = make_session(ada, [red])

    response = account_page(http, made).press("disconnect-red")

    assert not is_living(Grant, made.grants["red"])
    assert not is_living(Grant, other.grants["red"])
    assert is_living(Grant, made.grants["green"])
    assert find_live(made.handle)
    assert find_live(other.handle)
    assert {one.reason for one in logouts()} == {"consent_withdrawn"}
    assert notified() == [red.id, red.id]
    assert "The app is disconnected" in http.get(response.headers["Location"]).text
    assert "disconnect-red" not in http.get("/account").text


def test_everywhere_is_asked_twice_and_ends_everything(http, ada, red):
    made, other = make_session(ada, [red], offline=("red",)), make_session(ada)
    first = account_page(http, made)
    assert http.post("/account", data=first.fields | {"everywhere": "true"}).headers["Location"] == "/account"
    # The first page's form is nothing on the second one.
    assert http.post("/account/everywhere", data=first.fields).status_code == 403
    assert find_live(made.handle)

    response = Page(http, http.get("/account/everywhere")).press("sign-out-everywhere-confirm")

    assert not find_live(made.handle)
    assert not find_live(other.handle)
    assert not is_living(Grant, made.grants["red"])
    assert [one.scope for one in logouts()] == ["everywhere"]
    assert "You are signed out everywhere" in http.get(response.headers["Location"]).text
    assert http.get("/account").status_code == 303


@pytest.mark.parametrize("button", ["sign-out", "everywhere"])
def test_a_form_that_comes_twice_leads_to_the_same_result(http, browser, ada, red, button):
    made = make_session(ada, [red])
    page = account_page(http, made)
    if button == "everywhere":
        page, button = Page(http, http.get("/account/everywhere")), "sign-out-everywhere-confirm"

    first = page.press(button)
    # The second click left before the response to the first one came.
    show_session(http, made)
    second = page.press(button)

    assert first.headers["Location"] == second.headers["Location"]
    assert len(logouts()) == 1


@pytest.mark.parametrize("name", ["session", "app", "disconnect"])
def test_a_row_that_was_ended_twice_leads_to_the_same_result(http, ada, red, name):
    made, other = make_session(ada, [red]), make_session(ada)
    page = account_page(http, made)
    value = {"session": str(other.session.id)}.get(name, "red")

    first = http.post("/account", data=page.fields | {name: value})
    second = http.post("/account", data=page.fields | {name: value})

    assert "/session/ended/" in first.headers["Location"]
    assert second.headers["Location"] in (first.headers["Location"], "/account")
    assert len(logouts()) == 1


def test_everywhere_at_once_ends_once(http, app, ada, red):
    made = make_session(ada, [red])
    show_session(http, made)
    page = Page(http, http.get("/account/everywhere"))
    binding = http.get_cookie("curfew_browser").value
    responses = []

    def press():
        browser = show_session(app.test_client(), made)
        browser.set_cookie("curfew_browser", binding)
        responses.append(browser.post("/account/everywhere", data=page.fields).headers["Location"])

    clicks = [threading.Thread(target=press) for _ in range(4)]
    for click in clicks:
        click.start()
    for click in clicks:
        click.join()

    assert len(set(responses)) == 1
    assert len(logouts()) == 1


@pytest.mark.parametrize("what", ["another person's", "unknown", "no identifier"])
def test_the_session_of_another_person_looks_like_none(http, ada, red, what):
    made, bens = make_session(ada), make_session(make_account("ben"), [red])
    page = account_page(http, made)
    value = {"another person's": str(bens.session.id), "unknown": str(uuid.uuid4())}.get(what, "x' OR 1")

    response = http.post("/account", data=page.fields | {"session": value})

    assert response.status_code == 404
    assert find_live(bens.handle)
    assert logouts() == []


def test_an_app_of_another_person_is_left_alone(http, ada, red):
    made, bens = make_session(ada), make_session(make_account("ben"), [red], offline=("red",))
    page = account_page(http, made)

    assert http.post("/account", data=page.fields | {"disconnect": "red"}).headers["Location"] == "/account"
    assert http.post("/account", data=page.fields | {"app": "red"}).headers["Location"] == "/account"
    assert http.post("/account", data=page.fields | {"disconnect": "nobody"}).status_code == 404
    assert is_living(Grant, bens.grants["red"])
    assert logouts() == []


@pytest.mark.parametrize("address", ["/account", "/account/everywhere"])
@pytest.mark.parametrize(
    "token", [pytest.param({}, id="no token"), pytest.param({"csrf": "x" * 43}, id="an invented token")]
)
def test_a_form_from_elsewhere_ends_nothing(http, ada, address, token):
    made = make_session(ada)
    account_page(http, made)

    response = http.post(address, data={"browser": "true"} | token)

    assert response.status_code == 403
    assert find_live(made.handle)


def test_a_form_of_one_session_is_nothing_in_another(http, ada):
    old = account_page(http, make_session(ada))
    made = make_session(ada)

    show_session(http, made)

    assert http.post("/account", data=old.fields | {"browser": "true"}).status_code == 403
    assert find_live(made.handle)


def test_a_person_who_is_not_signed_in_ends_nothing(http, ada):
    assert http.post("/account", data={"browser": "true"}).headers["Location"].startswith("/sign-in/")
    assert logouts() == []
