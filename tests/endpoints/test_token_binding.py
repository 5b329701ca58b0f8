"""Each token lives by its own scope: without offline_access it ends with its client session (core §11)."""

import pytest
from sqlalchemy import delete, select, update

from provider.infrastructure.database import change, db, transaction
from provider.inspection import check as checking
from provider.tokens.models import AccessToken, AuthorizationCode, RefreshToken
from tests.endpoints.test_token_exchange import Service
from tests.support.browsers import Page, follow, query_of
from tests.support.reads import end_read
from tests.support.relying_party import RelyingParty, press

OFFLINE = "openid profile offline_access"


def allow_offline(rp, browser):
    asked = rp.authorize(browser, scope=OFFLINE, prompt="consent")
    return rp.exchange(query_of(press(browser, asked, "allow"))["code"]).json


def sign_in_only(rp, browser):
    return rp.sign_in(browser, scope="openid profile")


def lives(rp, tokens) -> bool:
    """Return whether tokens work, at every place that can tell."""
    active = rp.introspect(tokens["access_token"])["active"]
    assert (rp.userinfo(tokens["access_token"]).status_code == 200) == active
    if "refresh_token" in tokens:
        assert rp.introspect(tokens["refresh_token"])["active"] == active
    return active


def sign_out_of_browser(browser):
    Page(browser, follow(browser, browser.get("/session/end"))).press("sign-out")


def sign_out_of_app(browser):
    Page(browser, follow(browser, browser.get("/account"))).press("sign-out-app-red")


def found_wrong() -> dict[str, int]:
    end_read()
    return {one.name: one.wrong for one in checking.check() if one.wrong}


ORDERS = pytest.mark.parametrize(
    "steps",
    [
        pytest.param((allow_offline, sign_in_only), id="offline access first"),
        pytest.param((sign_in_only, allow_offline), id="offline access second"),
    ],
)
WAYS_TO_END = pytest.mark.parametrize(
    "end",
    [
        pytest.param(sign_out_of_browser, id="she signs out of the browser"),
        pytest.param(sign_out_of_app, id="she signs out of the app"),
    ],
)


@pytest.mark.spec("core 23")
@ORDERS
@WAYS_TO_END
def test_a_token_without_offline_access_ends_with_its_session(signed_in, rp, app, steps, end):
    api = Service(app)
    tokens = {step: step(rp, signed_in) for step in steps}
    exchanged = {step: api.taken(one["access_token"], scope="openid") for step, one in tokens.items()}

    end(signed_in)

    assert lives(rp, tokens[allow_offline])
    assert lives(api, exchanged[allow_offline])
    assert not lives(rp, tokens[sign_in_only])
    assert not lives(api, exchanged[sign_in_only])
    assert rp.refresh(tokens[sign_in_only]["refresh_token"]).json["error"] == "invalid_grant"
    assert lives(rp, rp.refresh(tokens[allow_offline]["refresh_token"]).json)


@WAYS_TO_END
def test_what_a_refresh_gave_is_bound_as_the_token_was(signed_in, rp, end):
    offline, online = allow_offline(rp, signed_in), sign_in_only(rp, signed_in)
    # A narrower access token no longer says that its refresh token is an offline one.
    fresh_offline = rp.refresh(offline["refresh_token"], scope="openid").json
    fresh_online = rp.refresh(online["refresh_token"]).json

    end(signed_in)

    assert lives(rp, fresh_offline)
    assert not lives(rp, fresh_online)


def test_a_signed_access_token_is_bound_as_an_opaque_one(app, signed_in):
    red = RelyingParty(app, access_token_format="jwt")
    offline, online = allow_offline(red, signed_in), sign_in_only(red, signed_in)

    sign_out_of_browser(signed_in)

    assert lives(red, offline)
    assert not lives(red, online)


def test_giving_back_a_session_bound_token_leaves_offline_access(signed_in, rp):
    offline, online = allow_offline(rp, signed_in), sign_in_only(rp, signed_in)

    assert rp.revoke(online["refresh_token"]).status_code == 200

    assert not lives(rp, online)
    assert lives(rp, offline)


def test_offline_access_that_a_client_lost_ends_offline_tokens_alone(signed_in, rp):
    offline, online = allow_offline(rp, signed_in), sign_in_only(rp, signed_in)
    with transaction():
        rp.client.registered = rp.client.registered | {"scope": "openid profile"}

    assert rp.refresh(offline["refresh_token"]).json["error"] == "invalid_grant"
    assert rp.refresh(online["refresh_token"]).status_code == 200


@WAYS_TO_END
def test_tokens_of_the_previous_release_are_judged_by_their_scope(signed_in, rp, end):
    offline, online = allow_offline(rp, signed_in), sign_in_only(rp, signed_in)
    with transaction():
        for table in (AccessToken, RefreshToken):
            assert change(update(table).values(offline=None)) == 2

    end(signed_in)

    assert lives(rp, offline)
    assert not lives(rp, online)


@pytest.mark.parametrize("table", [AccessToken, RefreshToken])
@pytest.mark.parametrize("code_is_kept", [True, False], ids=["with its code", "without its code"])
def test_the_check_finds_a_token_that_outlived_its_session(signed_in, rp, table, code_is_kept):
    allow_offline(rp, signed_in)
    online = sign_in_only(rp, signed_in)
    sign_out_of_browser(signed_in)
    assert found_wrong() == {}

    with transaction():
        if not code_is_kept:
            db.session.execute(delete(AuthorizationCode))
        first = select(RefreshToken.family_id).where(~RefreshToken.scope.contains("offline_access"))
        of_family = update(table).where(table.family_id.in_(first.scalar_subquery()))
        assert change(of_family.values(offline=True)) == 1

    name = "access_token" if table is AccessToken else "refresh_token"
    assert rp.introspect(online[name])["active"]
    assert found_wrong() == {f"live_{name}_of_what_has_ended": 1}
