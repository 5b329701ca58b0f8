"""People and clients that are changed while they are used (RACE-09, 10, 11, 15, 16)."""

from dataclasses import replace
from functools import partial

import pytest
from sqlalchemy import select

from provider.accounts import change as accounts
from provider.accounts.models import Account
from provider.authentication import browser_proof
from provider.clients import change as clients
from provider.delivery.models import Delivery
from provider.infrastructure.database import db
from provider.logout.end_session import end
from provider.logout.everywhere import end_everywhere
from provider.logout.models import LogoutReason
from provider.logout.notice import SESSION_ID
from provider.logout.steps import Cause
from provider.sessions.queries import find_live
from tests.factories import PASSWORD
from tests.races.at_once import ON_POSTGRESQL, ROUNDS, at_once
from tests.races.conftest import twins
from tests.support.browsers import Page, follow, query_of, show_session
from tests.support.reads import end_read

pytestmark = ON_POSTGRESQL
BY_ADA = Cause(reason=LogoutReason.USER, initiator="account")
DISABLED = Cause(reason=LogoutReason.ACCOUNT_DISABLED, initiator="admin")


@pytest.fixture
def sign_in_page(browser, rp):
    """Opens the sign-in page, in a new browser or in one that is signed in."""

    def open_(one=None, **request):
        one = one or browser()
        return Page(one, follow(one, rp.authorize(one, **request)))

    return open_


def is_signed_in(browser) -> bool:
    end_read()
    cookie = browser.get_cookie("curfew_session")
    return cookie is not None and find_live(cookie.value) is not None


def test_race_09_password_changed_and_sign_in_with_the_old_one(begin, sign_in_page):
    """A session that began with the old password does not survive."""
    old, new, third = PASSWORD, "another battery, another staple", "a third battery, a third staple"
    _made, keeping = begin()
    for _ in range(ROUNDS):
        changing = Page(keeping, keeping.get("/account/password"))
        signing_in = sign_in_page()

        changed, _response = at_once(
            partial(changing.press, "change", current=old, new=new, again=new),
            partial(signing_in.press, "sign-in", username="ada", password=old),
        )

        assert changed.status_code == 303
        assert is_signed_in(keeping)
        assert not is_signed_in(signing_in.browser)
        old, new, third = new, third, new


def test_race_10_account_disabled_and_used(rp, ada, begin, do, sign_in_page):
    """None of a sign-in, a refresh and a code survives that the person was disabled."""

    def disable(account: Account) -> None:
        accounts.disable(account)
        end_everywhere(account, DISABLED)

    for _ in range(ROUNDS):
        _made, browser = begin()
        tokens, code, signing_in = rp.sign_in(browser), rp.code(browser), sign_in_page()

        _disabled, refreshed, exchanged, _response = at_once(
            do(disable, ada),
            lambda token=tokens["refresh_token"]: rp.refresh(token),
            lambda code=code: rp.exchange(code),
            partial(signing_in.press, "sign-in", username="ada", password=PASSWORD),
        )
        # What was dead stays dead, so it must be so as well once she may come back.
        do(accounts.enable, ada)()

        for given in (refreshed, exchanged):
            assert given.status_code in (200, 400)
            if given.status_code == 200:
                assert not rp.introspect(given.json["access_token"])["active"]
                assert rp.refresh(given.json["refresh_token"]).status_code == 400
        assert not is_signed_in(browser)
        assert not is_signed_in(signing_in.browser)


def test_race_11_client_disabled_and_used(rp, green, begin, do):
    """No token of it lives afterwards, and what it is owed stays owed."""

    for _ in range(ROUNDS):
        ended, _browser = begin(rp)
        _made, browser = begin()
        tokens, code = rp.sign_in(browser), rp.code(browser)

        _disabled, refreshed, exchanged, _ended = at_once(
            do(clients.disable, rp.client),
            lambda token=tokens["refresh_token"]: rp.refresh(token),
            lambda code=code: rp.exchange(code),
            do(end, ended.session, BY_ADA),
        )
        do(clients.enable, rp.client)()

        for given in (refreshed, exchanged):
            assert given.status_code in (200, 400, 401)
            if given.status_code == 200:
                assert not green.introspect(given.json["access_token"])["active"]
                assert rp.refresh(given.json["refresh_token"]).status_code == 400
        end_read()
        owed = select(Delivery.recipient_id).where(ended.session.id == SESSION_ID)
        assert list(db.session.scalars(owed)) == [rp.client.id]


@pytest.mark.parametrize("rounds", [max(1, ROUNDS // 10)])
def test_race_15_wrong_passwords_at_once_are_counted_exactly(app, ada, sign_in_page, monkeypatch, rounds):
    """Of 20 wrong ones exactly as many are checked as the limit allows, and then no attempt succeeds."""
    services = app.extensions["curfew"]
    limited = replace(services.settings, sign_in_limit_account="10 per 5 minutes")
    monkeypatch.setitem(app.extensions, "curfew", replace(services, settings=limited))
    pages = [sign_in_page() for _ in range(21)]
    for round_ in range(rounds):
        # An unknown name is counted like any other.
        wrong = [
            partial(page.press, "sign-in", username=f"ada{round_ or ''}", password="wrong")
            for page in pages[1:]
        ]

        responses = at_once(*wrong)

        statuses = [response.status_code for response in responses]
        assert (statuses.count(200), statuses.count(429)) == (10, 10)
    assert pages[0].press("sign-in", username="ada", password=PASSWORD).status_code == 429


def test_race_15_guesses_with_one_stolen_proof_are_counted_exactly(app, ada, sign_in_page, monkeypatch):
    """SEC-601: of 20 at once as many are looked at as a known browser and any other may make, and no more."""
    services = app.extensions["curfew"]
    limited = replace(
        services.settings, sign_in_limit_browser="6 per hour", sign_in_limit_account="4 per 5 minutes"
    )
    monkeypatch.setitem(app.extensions, "curfew", replace(services, settings=limited))
    stolen = browser_proof.make(ada)
    pages = [sign_in_page() for _ in range(20)]
    for page in pages:
        page.browser.set_cookie("curfew_known_browser", stolen)

    responses = at_once(*[partial(page.press, "sign-in", username="ada", password="wrong") for page in pages])

    statuses = [response.status_code for response in responses]
    assert (statuses.count(200), statuses.count(429)) == (10, 10)


def test_race_16_a_new_handle_and_requests_with_the_old_one(browser, rp, begin, sign_in_page):
    """She signs in again: the old handle is refused from then on, and no request is lost (SEC-707)."""
    for _ in range(ROUNDS):
        made, old = begin()
        signing_in = sign_in_page(old, prompt="login")
        first, second = twins(browser, old, 2)

        renewed, *responses = at_once(
            partial(signing_in.press, "sign-in", username="ada", password=PASSWORD),
            lambda one=first: rp.authorize(one),
            lambda one=second: rp.authorize(one),
        )

        assert renewed.status_code == 303
        assert is_signed_in(old)
        assert not is_signed_in(show_session(browser(), made))
        for response in responses:
            went_to = response.headers["Location"]
            assert "/sign-in/" in went_to or "code=" in went_to, went_to
            assert "/sign-in/" in went_to or rp.exchange(query_of(response)["code"]).status_code == 200


def test_a_new_sign_in_and_an_ending_never_wait_for_each_other(begin, do, sign_in_page):
    for _ in range(ROUNDS // 2):
        made, browser = begin()
        signing_in = sign_in_page(browser, prompt="login")

        response, _outcome = at_once(
            partial(signing_in.press, "sign-in", username="ada", password=PASSWORD),
            do(end, made.session, BY_ADA),
        )

        assert response.status_code == 303
