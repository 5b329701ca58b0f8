"""A person's consent at `/authorize`, and how long it lasts."""

import pytest
from sqlalchemy import select

from provider.grants.models import Grant
from provider.infrastructure.database import db
from tests.endpoints.test_authorize import count
from tests.factories import make_account, make_session
from tests.support.browsers import ISSUER, Page, follow, query_of, show_session
from tests.support.relying_party import RelyingParty, press, type_password


@pytest.mark.spec("core 8")
def test_a_third_party_is_allowed_once_and_then_remembered(app, browser, signed_in, ada):
    blue = RelyingParty(app, "blue", first_party=False)
    assert query_of(blue.authorize(signed_in, prompt="none"))["error"] == "consent_required"

    assert "code" in query_of(press(signed_in, blue.authorize(signed_in), "allow"))

    assert "code" in query_of(blue.authorize(signed_in, prompt="none"))
    other_browser = show_session(browser(), make_session(ada))
    assert "code" in query_of(blue.authorize(other_browser, prompt="none"))
    more = query_of(blue.authorize(signed_in, prompt="none", scope="openid profile email phone"))
    assert more["error"] == "consent_required"


def test_a_person_may_say_no(app, signed_in):
    blue = RelyingParty(app, "blue", first_party=False)

    params = query_of(press(signed_in, blue.authorize(signed_in), "deny"))

    assert (params["error"], params["state"], params["iss"]) == ("access_denied", "the state", ISSUER)
    assert count(Grant) == 0


def test_one_persons_consent_is_not_anothers(app, http, ada):
    """Two people use one browser in turn, and the request waits meanwhile."""
    make_account("ben")
    blue = RelyingParty(app, "blue", first_party=False)
    asked = blue.authorize(http)
    consent = Page(http, type_password(http, asked))
    allowed = consent.press("allow")
    show_session(http, make_session(make_account("cleo")))

    response = follow(http, http.get(allowed.headers["Location"]))

    assert "allow" in Page(http, response).buttons
    assert count(Grant) == 0


@pytest.mark.spec("core 23")
def test_offline_access_is_dropped_without_prompt_consent(signed_in, rp):
    tokens = rp.sign_in(signed_in, scope="openid offline_access")

    assert tokens["scope"] == "openid"
    assert not db.session.scalars(select(Grant)).one().offline


@pytest.mark.spec("core 23")
def test_offline_access_is_given_with_consent_and_kept(signed_in, rp):
    asked = rp.authorize(signed_in, scope="openid offline_access", prompt="consent")

    code = query_of(press(signed_in, asked, "allow"))["code"]

    assert rp.exchange(code).json["scope"] == "openid offline_access"
    assert rp.sign_in(signed_in, scope="openid offline_access")["scope"] == "openid offline_access"


def test_prompt_login_consent_asks_both(http, rp, ada):
    show_session(http, make_session(ada))
    asked = rp.authorize(http, scope="openid offline_access", prompt="login consent")

    consent = Page(http, type_password(http, asked))
    params = query_of(follow(http, consent.press("allow")))

    assert rp.exchange(params["code"]).json["scope"] == "openid offline_access"
