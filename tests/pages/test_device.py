"""The pages on which a person lets a device in: what they say, and whose answer counts."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from provider.audit.models import AuditEvent
from provider.clients import resources
from provider.clients.models import Client
from provider.infrastructure.database import change, db, transaction
from tests.factories import make_account, make_session
from tests.support.browsers import Page, follow, show_session
from tests.support.device import Device
from tests.support.reads import end_read
from tests.support.relying_party import type_password

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def tv(app):
    return Device(app, client_name="Tele <b>", scope="openid profile offline_access account invoices:read")


@pytest.fixture
def ada(app, http):
    account = make_account("ada")
    show_session(http, make_session(account))
    return account


def code_page(browser, address="/device"):
    return Page(browser, follow(browser, browser.get(address)))


def question(browser, user_code):
    """The page that asks, once the code was typed."""
    return Page(browser, code_page(browser).press("continue", user_code=user_code))


@pytest.mark.spec("rfc8628 1")
@pytest.mark.parametrize(
    ("button", "error", "tag", "words"),
    [
        pytest.param("allow", None, "consent_given", "device-allowed", id="allow"),
        pytest.param("deny", "access_denied", "consent_denied", "device-denied", id="deny"),
    ],
)
def test_the_device_learns_what_the_person_answered(http, tv, ada, button, error, tag, words):
    begun = tv.begin()

    response = question(http, begun["user_code"]).press(button)

    assert response.status_code == 200
    assert f'id="{words}"' in response.text
    assert tv.poll(begun["device_code"]).json.get("error") == error
    end_read()
    entry = db.session.scalars(select(AuditEvent).where(AuditEvent.tag == tag)).one()
    assert (entry.account_id, entry.client_id, entry.detail["device"]) == (ada.id, "tv", "Werkzeug")


@pytest.mark.spec("rfc8628 1")
def test_the_question_says_who_asks_for_what_and_warns(http, tv, ada):
    begun = tv.begin(scope="openid profile offline_access account invoices:read")

    page = question(http, begun["user_code"])

    assert page.buttons == {"allow", "deny"}
    for words in ("Tele &lt;b&gt;", "Ada", begun["user_code"], "See your profile", "invoices:read"):
        assert words in page.html
    assert 'id="warning"' in page.html
    assert "it can sign you out everywhere" in page.html
    assert "from the network that you are using now" in page.html
    assert '<time datetime="' in page.html
    assert "<b>" not in page.html


@pytest.mark.spec("SEC-1017")
@ON_SQLITE
def test_the_question_says_that_the_app_is_unknown_and_where_it_may_turn_to(http, tv, ada):
    usual = question(http, tv.begin()["user_code"])
    with transaction():
        resources.add("https://api.test", name="Invoices", scopes=["invoices:read"])
        assert change(update(Client).values(self_registered=True)) == 1
    begun = tv.begin(scope="openid invoices:read", resource="https://api.test")

    page = question(http, begun["user_code"])

    assert 'id="unchecked"' in page.html
    assert "Invoices (https://api.test)" in page.html
    assert 'id="unchecked"' not in usual.html
    assert 'id="servers"' not in usual.html


@ON_SQLITE
def test_a_request_from_elsewhere_is_shown_as_that(http, tv, ada):
    begun = tv.http.post(
        "/device-authorization",
        data={"client_id": "tv", "scope": "openid"},
        environ_base={"REMOTE_ADDR": "203.0.113.9"},
        headers={"User-Agent": "SmartHub/3.1 (Tizen)"},
    ).json

    page = question(http, begun["user_code"])

    assert "SmartHub" in page.html
    assert "from another network: 203.0.113.9" in page.html


@ON_SQLITE
@pytest.mark.spec("rfc8628 1")
def test_the_complete_address_fills_the_code_in_and_asks_all_the_same(http, tv, ada):
    begun = tv.begin()

    page = code_page(http, begun["verification_uri_complete"].removeprefix("http://localhost:8900"))

    assert page.fields["user_code"] == begun["user_code"]
    assert page.buttons == {"continue"}
    assert "Tele" not in page.html
    assert tv.poll(begun["device_code"]).json["error"] == "authorization_pending"
    assert Page(http, page.press("continue")).buttons == {"allow", "deny"}


def test_who_is_not_signed_in_signs_in_first_and_comes_back_with_the_code(browser, tv, app):
    make_account("ada")
    begun, ada = tv.begin(), browser()

    response = type_password(ada, ada.get(f"/device?user_code={begun['user_code'].lower()}"))

    page = Page(ada, response)
    assert page.fields["user_code"] == begun["user_code"]
    assert Page(ada, page.press("continue")).press("allow").status_code == 200
    assert tv.poll(begun["device_code"]).status_code == 200


@ON_SQLITE
def test_nothing_is_looked_up_for_who_is_not_signed_in(browser, tv, statements):
    begun, stranger = tv.begin(), browser()

    with statements() as seen:
        stranger.get(f"/device?user_code={begun['user_code']}")
        stranger.post("/device", data={"user_code": begun["user_code"]})
        stranger.post("/device/confirm", data={"user_code": begun["user_code"], "answer": "allow"})

    assert not [statement for statement in seen if "device_code" in statement]
    assert tv.poll(begun["device_code"]).json["error"] == "authorization_pending"


@ON_SQLITE
@pytest.mark.spec("rfc8628 1")
@pytest.mark.parametrize("retype", [str.lower, lambda code: code.replace("-", " "), lambda code: f" {code}."])
def test_a_code_is_understood_however_it_is_typed(http, tv, ada, retype):
    assert question(http, retype(tv.begin()["user_code"])).buttons == {"allow", "deny"}


@ON_SQLITE
@pytest.mark.parametrize("typed", ["", "BCDF-GHJK", "not a code", "💥" * 40, "x" * 10_000])
def test_an_unknown_code_is_asked_for_again(http, tv, ada, typed):
    tv.begin()

    page = question(http, typed)

    assert page.response.status_code == 200
    assert 'id="notice"' in page.html
    assert page.buttons == {"continue"}


@ON_SQLITE
def test_an_answered_or_expired_code_is_no_code_any_more(http, tv, ada, turned_clock):
    begun, late = tv.begin(), tv.begin()
    first, second, expired = (question(http, one["user_code"]) for one in (begun, begun, late))
    first.press("deny")

    again = Page(http, second.press("allow"))
    turned_clock.turn(timedelta(minutes=10))
    too_late = Page(http, expired.press("allow"))

    for page in (again, too_late, question(http, begun["user_code"])):
        assert 'id="notice"' in page.html
        assert page.buttons == {"continue"}
    assert tv.poll(begun["device_code"]).json["error"] == "access_denied"
    assert tv.poll(late["device_code"]).json["error"] == "expired_token"


@ON_SQLITE
def test_an_empty_answer_asks_again(http, tv, ada):
    page = question(http, tv.begin()["user_code"])

    again = http.post("/device/confirm", data=page.fields)

    assert Page(http, again).buttons == {"allow", "deny"}


@ON_SQLITE
@pytest.mark.parametrize("path", ["/device", "/device/confirm"])
def test_a_form_from_elsewhere_is_refused(http, tv, ada, path):
    begun = tv.begin()

    forged = http.post(path, data={"user_code": begun["user_code"], "answer": "allow", "csrf": "x"})

    assert forged.status_code == 403
    assert tv.poll(begun["device_code"]).json["error"] == "authorization_pending"


@ON_SQLITE
def test_a_question_is_nothing_for_another_code_or_another_person(http, tv, ada):
    asked, other = tv.begin(), tv.begin()
    page = question(http, asked["user_code"])

    assert page.press("allow", user_code=other["user_code"]).status_code == 403
    show_session(http, make_session(make_account("ben")))
    assert page.press("allow").status_code == 403
    assert tv.poll(asked["device_code"]).json["error"] == "authorization_pending"


class TestLimits:
    """rfc8628 §5.1: guessing is limited, by person and by address."""

    @pytest.fixture
    def settings(self, settings):
        return replace(
            settings, device_code_limit_account="3 per minute", device_code_limit_address="5 per minute"
        )

    @ON_SQLITE
    @pytest.mark.usefixtures("ada")
    @pytest.mark.spec("rfc8628 1")
    def test_guessing_is_limited_by_person_and_a_right_code_is_no_excuse(self, http, tv):
        begun, page = tv.begin(), code_page(http)
        assert Page(http, page.press("continue", user_code=begun["user_code"])).buttons == {"allow", "deny"}

        responses = [page.press("continue", user_code="BCDF-GHJK") for _ in range(4)]

        assert [response.status_code for response in responses] == [200, 200, 429, 429]
        assert responses[-1].headers["Retry-After"] == "60"
        assert page.press("continue", user_code=begun["user_code"]).status_code == 429

    @ON_SQLITE
    @pytest.mark.spec("rfc8628 1")
    def test_many_people_at_one_address_are_limited_together(self, browser):
        statuses = []
        for name in ("ada", "ben"):
            someone = show_session(browser(), make_session(make_account(name)))
            page = code_page(someone)
            statuses += [page.press("continue", user_code="BCDF-GHJK").status_code for _ in range(3)]

        assert statuses == [200, 200, 200, 200, 200, 429]

    @ON_SQLITE
    @pytest.mark.spec("THR-37")
    def test_one_person_does_not_use_up_what_the_network_has(self, browser):
        statuses = []
        for name, tries in (("ada", 8), ("ben", 2)):
            page = code_page(show_session(browser(), make_session(make_account(name))))
            statuses += [page.press("continue", user_code="BCDF-GHJK").status_code for _ in range(tries)]

        assert statuses == [200] * 3 + [429] * 5 + [200] * 2


def test_the_account_page_lists_the_device_and_signs_it_out(http, tv, ada):
    begun = tv.begin()
    question(http, begun["user_code"]).press("allow")
    tokens = tv.poll(begun["device_code"]).json

    page = Page(http, http.get("/account"))
    (button,) = (name for name in page.buttons if name.startswith("sign-out-session-"))

    assert "device, signed in with a code" in page.html
    assert "on 1 device" in page.html
    assert page.html.count("last seen") == 1
    assert page.press(button).status_code == 303
    assert tv.userinfo(tokens["access_token"]).status_code == 401
    assert "device, signed in with a code" not in http.get("/account").text
