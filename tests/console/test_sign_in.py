"""Signing in to the console, and what refuses its next request."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from provider.accounts.roles import Role
from provider.administration import clients
from provider.clients import change
from provider.clients.own import CONSOLE_ID
from provider.clients.queries import find_by_client_id
from provider.clients.register import InvalidClientID
from provider.infrastructure.database import db, transaction
from provider.logout.end_session import end
from provider.logout.models import LogoutReason
from provider.logout.steps import Cause
from provider.protocol.client_metadata import ClientMetadata
from provider.sessions.models import Session
from provider.tokens.models import AccessToken
from tests.console.conftest import give_role, sign_in
from tests.factories import PASSWORD, make_account
from tests.support import signing_keys
from tests.support.applications import opened
from tests.support.browsers import Page, follow, query_of


@pytest.fixture
def console(browser, cleo):
    """Cleo's browser after a sign-in with all of its requests."""
    http = browser()
    assert sign_in(http, "cleo").status_code == 200
    return http


@pytest.fixture
def authorized(browser, cleo):
    """A browser of Cleo's, and the authorization response that the provider has sent there."""
    http = browser()
    form = follow(http, http.get("/admin"))
    resumed = Page(http, form).press("sign-in", username="cleo", password=PASSWORD)
    return http, http.get(resumed.headers["Location"])


@pytest.mark.usefixtures("cleo")
def test_a_person_with_a_role_comes_to_the_page_that_was_asked_for(browser):
    shown = sign_in(browser(), "cleo", "/admin/logouts?reason=user")

    assert shown.request.full_path == "/admin/logouts?reason=user"
    assert "<h1>Logouts</h1>" in shown.get_data(as_text=True)


@pytest.mark.usefixtures("cleo")
def test_it_lasts_as_long_as_the_session_of_the_person(browser):
    sign_in(browser(), "cleo", "/admin/logouts")

    [token] = db.session.scalars(select(AccessToken).where(AccessToken.scope == "openid"))
    assert token.expires_at == db.session.scalars(select(Session.expires_at)).one()


def test_it_works_below_the_path_of_an_issuer(settings):
    with opened(replace(settings, issuer="http://localhost:8900/auth")) as app:
        with transaction():
            signing_keys.provide()
        give_role(make_account("cleo"), Role.ADMINISTRATOR)
        http = app.test_client()

        shown = sign_in(http, "cleo", "/auth/admin/logouts?reason=user")

        assert shown.request.url.endswith("/auth/admin/logouts?reason=user")
        assert shown.status_code == 200


def test_a_person_without_a_role_is_not_admitted(browser):
    make_account("ada")
    http = browser()

    shown = sign_in(http, "ada")

    assert shown.status_code == 403
    assert http.get_cookie("curfew_console") is None
    assert follow(http, http.get("/admin/logouts")).status_code == 403


def test_a_request_proves_the_browser_and_the_person(browser):
    asked = query_of(browser().get("/admin"))

    assert (asked["client_id"], asked["code_challenge_method"]) == (CONSOLE_ID, "S256")
    assert {"state", "nonce", "code_challenge"} <= asked.keys()
    assert asked["redirect_uri"].endswith("/admin/callback")


def test_a_response_is_good_once_and_in_the_browser_that_asked(browser, authorized):
    http, response = authorized
    address = response.headers["Location"]

    statuses = [who.get(address).status_code for who in (browser(), http, http)]

    assert statuses == [400, 303, 400]


@pytest.mark.parametrize("changed", ["code", "iss", "state"])
def test_a_changed_response_opens_nothing(authorized, changed):
    http, response = authorized

    refused = http.get("/admin/callback", query_string=query_of(response) | {changed: "x" * 43})

    assert refused.status_code == 400
    assert http.get_cookie("curfew_console") is None


def test_a_code_of_the_console_is_of_no_use_at_the_token_endpoint(browser, authorized):
    code = query_of(authorized[1])["code"]

    asked = {"grant_type": "authorization_code", "code": code, "client_id": CONSOLE_ID}

    assert browser().post("/token", data=asked).status_code == 401


def test_a_sign_out_refuses_the_next_request(console):
    with transaction():
        session = db.session.scalars(select(Session)).one()
        end(session, Cause(reason=LogoutReason.USER, initiator="account"))

    refused = console.get("/admin")

    assert refused.status_code == 303
    assert "/authorize?" in refused.headers["Location"]


def test_the_console_is_no_app_that_a_sign_out_would_fail_to_notify(console):
    asked = follow(console, console.get("/session/end")).get_data(as_text=True)
    account = console.get("/account").get_data(as_text=True)

    assert 'id="sign-out"' in asked
    assert "Curfew console" not in asked + account


def test_a_withdrawn_role_refuses_the_next_request(console, cleo):
    give_role(cleo, None)

    assert follow(console, console.get("/admin")).status_code == 403


def test_a_disabled_client_turns_the_console_off(console):
    with transaction():
        change.disable(find_by_client_id(CONSOLE_ID))

    assert console.get("/admin").status_code == 404


def test_a_removed_client_is_made_again(browser, console):
    with transaction():
        change.remove(find_by_client_id(CONSOLE_ID))

    assert console.get("/admin").status_code == 303
    assert sign_in(browser(), "cleo").status_code == 200


def test_a_page_that_looks_again_by_itself_is_no_sign_in_and_no_use(browser, console, turned_clock):
    seen_at = db.session.scalars(select(Session.last_seen_at)).one()
    turned_clock.turn(timedelta(minutes=5))

    looked = console.get("/admin/overview", headers={"Curfew-Looks-Again": "1"})
    stranger = browser().get("/admin/overview", headers={"Curfew-Looks-Again": "1"})

    assert (looked.status_code, stranger.status_code) == (200, 401)
    assert db.session.scalars(select(Session.last_seen_at)).one() == seen_at


def test_a_part_that_did_not_change_is_not_sent_again(console):
    first = console.get("/admin/overview")

    again = console.get("/admin/overview", headers={"If-None-Match": first.headers["ETag"]})

    assert again.status_code == 304


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize("client_id", [CONSOLE_ID, CONSOLE_ID.title()])
def test_no_other_client_gets_the_id_of_the_console(client_id):
    metadata = ClientMetadata(redirect_uris=("https://red.test/callback",))

    with pytest.raises(InvalidClientID), transaction():
        clients.register(metadata, client_id=client_id)
