"""`/authorize` as browsers and relying parties see it."""

from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from sqlalchemy import func, select

from provider.clients import resources
from provider.grants.models import Grant
from provider.infrastructure.database import db, transaction
from provider.keys import jwt
from provider.logout.end_session import end
from provider.logout.models import LogoutReason
from provider.logout.steps import Cause
from provider.sessions.models import ClientSession
from provider.tokens.models import AuthorizationCode
from tests.factories import PASSWORD, make_account, make_session
from tests.support.browsers import ISSUER, Page, follow, id_token_of, query_of, show_session
from tests.support.reads import end_read
from tests.support.relying_party import RelyingParty, press, type_password

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
BY_ADA = Cause(reason=LogoutReason.USER, initiator="account")


def count(model) -> int:
    end_read()
    return db.session.scalar(select(func.count()).select_from(model)) or 0


@pytest.mark.spec("core 9")
@pytest.mark.spec("rfc9207 1")
def test_a_signed_in_person_gets_on_without_a_page(signed_in, rp):
    response = rp.authorize(signed_in)

    params = query_of(response)
    assert response.status_code == 303
    assert response.headers["Location"].startswith(rp.redirect_uri + "?")
    assert params["state"] == "the state"
    assert params["iss"] == ISSUER
    assert set(params) == {"code", "state", "iss"}
    assert response.headers["Cache-Control"] == "no-store"


def test_signing_on_costs_at_most_seven_statements(signed_in, rp, statements):
    with statements() as first:
        rp.authorize(signed_in)
    with statements() as again:
        rp.authorize(signed_in)

    assert len(first) <= 7, first
    assert len(again) <= 7, again


@pytest.mark.spec("core 3, registration 1, registration 2")
@ON_SQLITE
def test_an_app_that_wants_to_know_when_someone_signed_in_learns_it(app, signed_in):
    rp = RelyingParty(app, require_auth_time=True)

    for changes in ({}, {"max_age": "1000"}, {"claims": '{"id_token": {"auth_time": {"essential": true}}}'}):
        token = rp.sign_in(signed_in, **changes)["id_token"]
        assert jwt.verify_own(token, typ=frozenset({"JWT"}), audience="red", require=("auth_time",))


@pytest.mark.spec("core 9")
def test_a_person_may_not_want_to_sign_in(http, rp, ada):
    for response_mode in ("query", "fragment"):
        asked = rp.authorize(http, response_mode=response_mode)

        location = press(http, asked, "cancel").headers["Location"]

        assert location.startswith(rp.redirect_uri)
        assert "error=access_denied" in location
        assert "state=the%20state" in location
    assert count(AuthorizationCode) == 0
    assert follow(http, http.get(asked.headers["Location"])).status_code == 410


@pytest.mark.spec("core 1")
def test_unknown_parameters_are_ignored(signed_in, rp):
    assert rp.code(
        signed_in,
        scope="openid nonsense",
        claims_locales="de xx",
        display="wap",
        acr_values="x",
        ui_locales="xx",
        foo="bar",
    )


@pytest.mark.spec("core 2, core 7")
def test_prompt_none_shows_no_page(http, rp, ada):
    assert query_of(rp.authorize(http, prompt="none"))["error"] == "login_required"

    show_session(http, make_session(ada))

    assert "code" in query_of(rp.authorize(http, prompt="none"))


def test_prompt_none_is_refused_once_the_session_has_ended(http, rp, ada):
    made = make_session(ada)
    show_session(http, made)
    rp.sign_in(http)
    with transaction():
        end(made.session, BY_ADA)

    assert query_of(rp.authorize(http, prompt="none"))["error"] == "login_required"


def test_a_person_signs_in_and_gets_to_the_app(http, rp, ada):
    asked = rp.authorize(http)
    assert urlsplit(asked.headers["Location"]).path.startswith("/sign-in/")

    response = type_password(http, asked)

    assert query_of(response)["state"] == "the state"
    assert rp.exchange(query_of(response)["code"]).status_code == 200


AGAIN = [
    pytest.param({"prompt": "login"}, id="prompt login"),
    pytest.param({"prompt": "select_account"}, id="prompt select_account"),
    pytest.param({"max_age": "0"}, id="max_age 0 means prompt login"),
    pytest.param({"max_age": "60"}, id="the sign-in is older than max_age"),
]


@pytest.mark.parametrize("changes", AGAIN)
@pytest.mark.spec("core 2, core 3, core 6")
def test_a_person_signs_in_again_where_the_app_demands_it(http, rp, ada, turned_clock, changes):
    show_session(http, make_session(ada))
    turned_clock.turn(timedelta(minutes=5))
    asked = rp.authorize(http, **changes)
    # Coming back without having signed in again changes nothing (ABU-64).
    handle = asked.headers["Location"].rpartition("/")[2]
    assert "/sign-in/" in http.get(f"/authorize/resume/{handle}").headers["Location"]
    turned_clock.turn(timedelta(minutes=2))

    response = type_password(http, asked)

    tokens = rp.exchange(query_of(response)["code"]).json
    assert tokens["id_token"]


@pytest.mark.parametrize("changes", AGAIN)
@pytest.mark.parametrize("signed_in_before", [True, False])
def test_a_clock_that_is_set_back_does_not_ask_again(http, rp, ada, turned_clock, changes, signed_in_before):
    if signed_in_before:
        show_session(http, make_session(ada))
        turned_clock.turn(timedelta(minutes=5))
    asked = rp.authorize(http, **changes)
    turned_clock.turn(timedelta(minutes=-2))

    response = type_password(http, asked)

    assert rp.exchange(query_of(response)["code"]).status_code == 200


def test_a_sign_in_answers_the_request_that_it_was_made_for_and_no_other(http, rp, ada, turned_clock):
    waiting = rp.authorize(http, prompt="login")
    turned_clock.turn(timedelta(seconds=5))
    type_password(http, rp.authorize(http))
    handle = waiting.headers["Location"].rpartition("/")[2]

    assert "/sign-in/" in http.get(f"/authorize/resume/{handle}").headers["Location"]
    assert "code" in query_of(type_password(http, waiting))


def test_two_tabs_that_both_demand_a_sign_in_are_each_answered(http, rp, ada):
    first, second = rp.authorize(http, prompt="login"), rp.authorize(http, prompt="login")
    page = Page(http, follow(http, first))
    signed_in = page.press("sign-in", username="ada", password=PASSWORD)

    assert "code" in query_of(type_password(http, second))
    assert "code" in query_of(follow(http, signed_in))


def test_max_age_that_holds_asks_nothing(http, rp, ada, turned_clock):
    show_session(http, make_session(ada))
    turned_clock.turn(timedelta(seconds=59))

    assert "code" in query_of(rp.authorize(http, max_age="60"))
    assert query_of(rp.authorize(http, max_age="58", prompt="none"))["error"] == "login_required"


def test_the_clients_default_max_age_holds_unless_it_asks(app, http, ada, turned_clock):
    rp = RelyingParty(app, default_max_age=60)
    show_session(http, make_session(ada))
    turned_clock.turn(timedelta(minutes=5))

    assert query_of(rp.authorize(http, prompt="none"))["error"] == "login_required"
    assert "code" in query_of(rp.authorize(http, prompt="none", max_age="600"))


@pytest.mark.spec("core 4, core 5")
def test_a_hint_about_another_person_is_honoured(http, rp, ada):
    ben = make_session(make_account("ben"), [rp.client])
    hint = id_token_of(rp.client, ben.grants["red"])
    show_session(http, make_session(ada))

    assert query_of(rp.authorize(http, id_token_hint=hint, prompt="none"))["error"] == "login_required"
    asked = rp.authorize(http, id_token_hint=hint)
    assert "/sign-in/" in asked.headers["Location"]
    assert query_of(type_password(http, asked, "ada"))["error"] == "login_required"
    assert "code" in query_of(type_password(http, rp.authorize(http, id_token_hint=hint), "ben"))


def test_an_expired_hint_about_the_same_person_is_as_good(signed_in, rp, ada):
    grant = make_session(ada, [rp.client]).grants["red"]

    assert "code" in query_of(
        rp.authorize(signed_in, id_token_hint=id_token_of(rp.client, grant, exp=1, iat=0))
    )


@pytest.mark.parametrize("typ", ["logout+jwt", "at+jwt"])
def test_another_kind_of_token_is_no_hint(signed_in, rp, ada, typ):
    grant = make_session(ada, [rp.client]).grants["red"]

    params = query_of(rp.authorize(signed_in, id_token_hint=id_token_of(rp.client, grant, typ=typ)))

    assert params["error"] == "invalid_request"


@pytest.mark.spec("core 1")
def test_a_posted_request_is_picked_up_where_the_cookie_is_seen(app, http, signed_in, rp):
    posted = app.test_client(use_cookies=False).post("/authorize", data=rp.request())
    address = posted.headers["Location"]
    assert (posted.status_code, urlsplit(address).path[:18]) == (303, "/authorize/resume/")

    response = http.get(address)

    assert query_of(response)["state"] == "the state"
    assert rp.exchange(query_of(response)["code"]).status_code == 200


def test_a_parked_request_is_useless_in_another_browser(http, browser, rp, ada):
    """THR-18: only the browser that began a sign-in can complete it."""
    asked = rp.authorize(http)
    handle = asked.headers["Location"].rpartition("/")[2]
    ben = show_session(browser(), make_session(make_account("ben")))
    ben.get("/sign-in/x")

    response = follow(ben, ben.get(f"/authorize/resume/{handle}"))

    assert response.status_code == 410
    assert count(AuthorizationCode) == 0


def test_a_parked_request_gives_one_code(http, rp, ada):
    asked = rp.authorize(http)
    handle = asked.headers["Location"].rpartition("/")[2]
    type_password(http, asked)

    response = follow(http, http.get(f"/authorize/resume/{handle}"))

    assert response.status_code == 410
    assert count(AuthorizationCode) == 1


def test_a_client_has_one_share_and_one_grant_of_a_session(signed_in, rp):
    first = rp.sign_in(signed_in, scope="openid")
    second = rp.sign_in(signed_in, scope="openid email")

    assert (count(ClientSession), count(Grant)) == (1, 1)
    assert rp.introspect(first["access_token"])["scope"] == "openid"
    assert rp.introspect(second["access_token"])["scope"] == "openid email"
    assert db.session.scalars(select(Grant)).one().scope.split() == ["openid", "email"]


def test_a_share_whose_grant_is_gone_gets_a_new_one_under_the_same_sid(signed_in, rp):
    before = rp.introspect(rp.sign_in(signed_in)["access_token"])["sid"]
    with transaction():
        grant = db.session.scalars(select(Grant)).one()
        grant.revoked_at = grant.created_at

    after = rp.introspect(rp.sign_in(signed_in)["access_token"])["sid"]

    assert after == before
    assert (count(ClientSession), count(Grant)) == (1, 2)


@pytest.mark.spec("rfc8707 1")
@pytest.mark.spec("rfc9449 3")
def test_the_code_remembers_resources_and_the_key_for_its_tokens(signed_in, rp):
    with transaction():
        for identifier in ("https://a.test/", "urn:example:b"):
            resources.add(identifier)
    pairs = [*rp.request(dpop_jkt="k" * 43).items()]
    pairs += [("resource", "https://a.test/"), ("resource", "urn:example:b"), ("resource", "https://a.test/")]

    assert "code" in query_of(signed_in.get("/authorize", query_string=pairs))

    request = db.session.scalars(select(AuthorizationCode)).one().request
    assert request["resources"] == ["https://a.test/", "urn:example:b"]
    assert request["dpop_jkt"] == "k" * 43
