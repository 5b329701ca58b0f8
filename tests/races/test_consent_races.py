"""Consent that is taken back while an app is being answered.

What is decided is read without a lock. Each test puts the change exactly between that look and the write,
or lets both happen at once.
"""

from functools import partial

import pytest
from sqlalchemy import func, select

from provider.clients.models import Client
from provider.grants.models import Grant
from provider.infrastructure.database import db, transaction
from provider.logout.models import LogoutReason
from provider.logout.steps import Cause
from provider.logout.withdraw import withdraw_grant
from tests.races.at_once import ON_POSTGRESQL, ROUNDS, at_once, just_before
from tests.support.browsers import Page, follow, query_of, show_session
from tests.support.device import Device, answer
from tests.support.reads import end_read
from tests.support.relying_party import RelyingParty, press

pytestmark = ON_POSTGRESQL


@pytest.fixture
def blue(app):
    """An app of another registrant, for which people are asked."""
    fast = {"id_token_signed_response_alg": "ES256"}
    return RelyingParty(app, "blue", first_party=False, client_name="Blue", **fast)


@pytest.fixture
def here(begin):
    """The browser in which Ada disconnects the app."""
    return begin()[1]


@pytest.fixture
def elsewhere(begin):
    """The browser in which the app signs her in silently."""
    return begin()[1]


def consent(rp, browser):
    return rp.exchange(query_of(press(browser, rp.authorize(browser), "allow"))["code"])


def disconnect(browser, client_id="blue"):
    return Page(browser, follow(browser, browser.get("/account"))).press(f"disconnect-{client_id}")


def living_grants(client_id="blue") -> int:
    end_read()
    held = select(func.count()).select_from(Grant).join(Client, Client.id == Grant.client_id)
    return db.session.scalar(held.where(Client.client_id == client_id, Grant.revoked_at.is_(None))) or 0


def test_disconnect_between_the_look_and_the_write_of_a_silent_sign_in(blue, here, elsewhere):
    assert consent(blue, here).status_code == 200
    form = Page(here, follow(here, here.get("/account")))

    with just_before("UPDATE session SET", partial(form.press, "disconnect-blue")):
        response = blue.authorize(elsewhere)

    assert response.headers["Location"].startswith("/consent/")
    assert living_grants() == 0


def test_disconnect_between_the_look_and_the_write_with_prompt_none(blue, here, elsewhere):
    assert consent(blue, here).status_code == 200
    form = Page(here, follow(here, here.get("/account")))

    with just_before("UPDATE session SET", partial(form.press, "disconnect-blue")):
        response = blue.authorize(elsewhere, prompt="none")

    assert query_of(response)["error"] == "consent_required"
    assert living_grants() == 0


def test_a_grant_that_an_operator_revokes_between_the_look_and_the_write(app, blue, here, elsewhere):
    assert consent(blue, here).status_code == 200

    def revoke():
        with app.app_context(), transaction():
            grant = db.session.scalars(select(Grant)).one()
            return withdraw_grant(grant, Cause(reason=LogoutReason.ADMIN, initiator="admin"))

    with just_before("UPDATE session SET", revoke) as outcomes:
        response = blue.authorize(elsewhere, prompt="none")

    assert outcomes[0] is not None
    assert query_of(response)["error"] == "consent_required"
    assert living_grants() == 0


def test_disconnect_and_silent_sign_ins_at_once(blue, begin):
    """Whichever comes first: nothing of the app lives afterwards, and it has to ask again."""
    here, elsewhere = begin()[1], begin()[1]
    for _ in range(ROUNDS):
        assert consent(blue, here).status_code == 200
        form = Page(here, follow(here, here.get("/account")))

        response, _ended = at_once(
            partial(blue.authorize, elsewhere, prompt="none"), partial(form.press, "disconnect-blue")
        )

        said = query_of(response)
        if "code" in said:
            assert blue.exchange(said["code"]).status_code == 400
        assert living_grants() == 0
        assert query_of(blue.authorize(elsewhere, prompt="none"))["error"] == "consent_required"


def test_consent_that_was_given_before_the_app_was_disconnected_is_void(blue, here, elsewhere):
    assert consent(blue, here).status_code == 200
    asking = Page(elsewhere, follow(elsewhere, blue.authorize(elsewhere, prompt="consent")))
    agreed = asking.press("allow")

    disconnect(here)

    response = elsewhere.get(agreed.headers["Location"])
    assert response.headers["Location"].startswith("/consent/")
    assert living_grants() == 0


def test_a_device_that_was_let_in_before_its_app_was_disconnected_stays_out(app, begin):
    tv = Device(app)
    made, here = begin()
    assert tv.sign_in_by(made)
    begun = tv.begin()
    assert answer(begun["user_code"], made)

    disconnect(here, "tv")

    assert tv.poll(begun["device_code"]).json["error"] == "access_denied"
    assert living_grants("tv") == 0


def test_disconnect_and_a_device_that_fetches_its_tokens_at_once(app, begin):
    tv = Device(app)
    made, here = begin()
    for _ in range(ROUNDS // 2):
        assert tv.sign_in_by(made)
        begun = tv.begin()
        assert answer(begun["user_code"], made)
        form = Page(here, follow(here, here.get("/account")))

        polled, _ended = at_once(partial(tv.poll, begun["device_code"]), partial(form.press, "disconnect-tv"))

        assert living_grants("tv") == 0
        if polled.status_code == 200:
            assert tv.refresh(polled.json["refresh_token"]).status_code == 400


def test_two_tabs_widen_one_grant(rp, browser, begin):
    made, one = begin()
    two = show_session(browser(), made)
    rp.sign_in(one, scope="openid")

    with just_before("UPDATE session SET", partial(rp.authorize, two, scope="openid profile")):
        rp.authorize(one, scope="openid email")

    end_read()
    (scope,) = db.session.scalars(select(Grant.scope))
    assert set(scope.split()) == {"openid", "email", "profile"}
