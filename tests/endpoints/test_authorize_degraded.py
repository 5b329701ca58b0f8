"""Signing in at an app that the operator wants left alone while it cannot be notified of session ends."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from provider.infrastructure.database import db
from provider.interactions.models import Interaction
from provider.protocol.grant_types import DEVICE_CODE
from tests.factories import PASSWORD, make_account
from tests.support.browsers import ISSUER, Page, follow, query_of
from tests.support.degraded import let_degrade
from tests.support.relying_party import RelyingParty

pytestmark = pytest.mark.spec("DEC-09")


@pytest.fixture
def red(app):
    grants = ["authorization_code", "refresh_token", DEVICE_CODE]
    settings = {"refuse_when_degraded_for": timedelta(hours=4)}
    return RelyingParty(app, "red", settings=settings, grant_types=grants)


@pytest.fixture
def degrade(red):
    def degrade():
        let_degrade(red.client, timedelta(hours=5), make_account("ben"))

    return degrade


def assert_refused(response, red):
    params = query_of(response)
    assert response.headers["Location"].startswith(red.redirect_uri + "?")
    assert (params["error"], params["state"], params["iss"]) == (
        "temporarily_unavailable",
        "the state",
        ISSUER,
    )
    assert "code" not in params


@pytest.mark.spec("rfc6749 §4.1.2.1")
@pytest.mark.spec("rfc9207 1")
@pytest.mark.parametrize("prompt", [None, "none", "login"])
@pytest.mark.parametrize("who", ["without a session", "signed in elsewhere"])
def test_a_new_sign_in_is_refused_to_the_app_before_anybody_types(
    browser, signed_in, red, degrade, prompt, who
):
    degrade()

    response = red.authorize(signed_in if who == "signed in elsewhere" else browser(), prompt=prompt)

    assert_refused(response, red)
    assert db.session.scalar(select(func.count()).select_from(Interaction)) == 0


def test_who_is_signed_in_there_already_goes_on(signed_in, red, degrade):
    red.sign_in(signed_in)
    degrade()

    assert red.code(signed_in)
    assert red.code(signed_in, prompt="none")


def test_a_sign_in_that_was_under_way_is_refused_at_its_end(ada, http, red, degrade):
    page = Page(http, follow(http, red.authorize(http)))
    degrade()

    response = follow(http, page.press("sign-in", username="ada", password=PASSWORD))

    assert_refused(response, red)


def test_other_apps_are_not_concerned(app, signed_in, red, degrade):
    degrade()

    assert RelyingParty(app, "green").code(signed_in)


def test_a_device_is_given_no_code_meanwhile(red, degrade):
    assert red.post("/device-authorization", scope="openid").status_code == 200
    degrade()

    refused = red.post("/device-authorization", scope="openid")

    assert (refused.status_code, refused.json["error"]) == (503, "temporarily_unavailable")
    assert int(refused.headers["Retry-After"]) > 0
